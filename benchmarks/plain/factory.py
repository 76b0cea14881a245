"""Calls a factory "file.py:function" that returns (module, example inputs), as anyone's script would."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch


def load(factory: str) -> tuple[torch.nn.Module, tuple[Any, ...]]:
    """The module in evaluation mode and its inputs."""
    place, _, function = factory.rpartition(":")
    sys.path.append(str(Path(place).parent))
    spec = importlib.util.spec_from_file_location("factory_of_the_user", place)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{place} is no Python file")
    file = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(file)
    module, inputs = getattr(file, function)()
    return module.eval(), tuple(inputs)

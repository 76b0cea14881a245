"""The calls of a published model in two files, made where its framework is."""

from __future__ import annotations

import importlib
from pathlib import Path


def provide(*, model: str, framework: str, folder: str) -> None:
    """Write calibration.npz and heldout.npz."""
    importlib.import_module("real_calls").main(model, framework, Path(folder))

"""LiteRT as upstream's documentation shows it: to_litert.py FACTORY FILE.tflite."""

from __future__ import annotations

import sys
from typing import Any

import litert_torch
import torch
from factory import load


def convert(module: torch.nn.Module, inputs: tuple[Any, ...], path: str) -> None:
    """litert-torch exports the module itself."""
    litert_torch.convert(module, inputs).export(path)


if __name__ == "__main__":
    convert(*load(sys.argv[1]), sys.argv[2])

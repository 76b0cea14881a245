"""TorchScript as upstream's documentation shows it: to_torchscript.py FACTORY FILE.pt."""

from __future__ import annotations

import sys
from typing import Any

import torch
from factory import load


def convert(module: torch.nn.Module, inputs: tuple[Any, ...], path: str) -> None:
    """Trace and save."""
    with torch.no_grad():
        traced = torch.jit.trace(module, inputs)
    torch.jit.save(traced, path)


if __name__ == "__main__":
    convert(*load(sys.argv[1]), sys.argv[2])

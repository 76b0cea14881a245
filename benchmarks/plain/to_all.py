"""All four in one process, which imports everything once, loads once and exports once: to_all.py FACTORY FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import to_executorch
import to_litert
import to_onnx
import to_torchscript
import torch
from factory import load


def main(factory: str, folder: Path) -> None:
    """One call of each tool; ExecuTorch and ONNX share the exported program."""
    module, inputs = load(factory)
    to_torchscript.convert(module, inputs, str(folder / "model.pt"))
    exported = torch.export.export(module, inputs)
    to_executorch.convert(exported, str(folder / "model.pte"))
    to_onnx.convert(exported, str(folder / "model.onnx"))
    to_litert.convert(module, inputs, str(folder / "model.tflite"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

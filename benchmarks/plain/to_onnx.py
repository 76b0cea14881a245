"""ONNX as upstream's documentation shows it, in one file: to_onnx.py FACTORY FILE.onnx."""

from __future__ import annotations

import sys

import torch
from factory import load
from torch.export import ExportedProgram


def convert(exported: ExportedProgram, path: str) -> None:
    """The exporter of torch.onnx, and its program saved with the weights inside."""
    program = torch.onnx.export(exported, dynamo=True)
    if program is None:
        raise SystemExit("torch.onnx.export returned nothing")
    program.save(path, external_data=False)


if __name__ == "__main__":
    convert(torch.export.export(*load(sys.argv[1])), sys.argv[2])

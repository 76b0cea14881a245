"""ExecuTorch as upstream's documentation shows it: to_executorch.py FACTORY FILE.pte."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from factory import load
from torch.export import ExportedProgram


def convert(exported: ExportedProgram, path: str) -> None:
    """XNNPACK for whatever it takes."""
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    Path(path).write_bytes(program.buffer)


if __name__ == "__main__":
    convert(torch.export.export(*load(sys.argv[1])), sys.argv[2])

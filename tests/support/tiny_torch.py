"""TorchScript and ExecuTorch files made of one tiny module: two inputs, two outputs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower


class Tiny(torch.nn.Module):
    """positive = relu(x), shifted = x + y."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.relu(x), x + y


def write_tiny_torchscript(path: Path, *, sizes: tuple[int, ...] = (2, 3)) -> None:
    """The module, traced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced: Any = torch.jit.trace(Tiny(), (torch.zeros(sizes), torch.zeros(sizes)))
        traced.save(str(path))


def write_tiny_executorch(path: Path, *, sizes: tuple[int, ...] = (2, 3), highest: int | None = None) -> None:
    """The module, lowered to XNNPACK; with `highest` the first size may be 1 to that."""
    shapes = None
    if highest is not None:
        batch = torch.export.Dim("batch", min=1, max=highest)
        shapes = {"x": {0: batch}, "y": {0: batch}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(Tiny(), (torch.zeros(sizes), torch.zeros(sizes)), dynamic_shapes=shapes)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        path.write_bytes(lowered.to_executorch().buffer)

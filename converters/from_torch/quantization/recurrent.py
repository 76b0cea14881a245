"""Finds the weights of recurrent layers, which compute in float from 8-bit weights: a rounded state would drift.

In a prepared program a layer is a loop with a linear layer before it; where ONNX keeps it whole it is one operator. Its
matrices are rounded alike in both forms, so that both compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import constants_of
from ..passes.recurrent_to_scan import recurrent_nodes
from .layers import Layer

LOOP = "scan"
REASON = "a recurrent state drifts when it is rounded: 8-bit weights, computed in float"
_SCAN: Any = torch.ops.higher_order.scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One matrix of a recurrent layer: the operator that reads it, its node and values, its axis of output channels."""

    reader: fx.Node
    weights: fx.Node
    values: torch.Tensor
    axis: int


def loop_matrices(program: ExportedProgram) -> Iterator[Matrix]:
    """Those that loops are given beside their sequences; they stand transposed."""
    for node in program.graph.find_nodes(op="call_function", target=_SCAN):
        fixed: Any = node.args[3]
        yield from _matrices(program, node, fixed, axis=1)


def layer_matrices(program: ExportedProgram) -> Iterator[Matrix]:
    """Those of layers that stand as one operator."""
    for node in recurrent_nodes(program.graph):
        flat: Any = node.args[2]
        yield from _matrices(program, node, flat, axis=0)


def feeds_loop(layer: Layer) -> bool:
    """Whether a layer is the part of a recurrent one that looks at the input."""
    return any(user.target is _SCAN for user in layer.node.users)


def loop_macs(matrices: list[Matrix]) -> int:
    """The multiply-accumulates of one loop: every step and row of the batch meets every weight once."""
    states: Any = matrices[0].reader.args[1]
    sequences: Any = matrices[0].reader.args[2]
    steps, rows = _size(sequences[0], 0), _size(states[0], 0)
    return steps * rows * sum(matrix.values.numel() for matrix in matrices)


def _matrices(program: ExportedProgram, reader: fx.Node, nodes: list[fx.Node], *, axis: int) -> Iterator[Matrix]:
    constants = constants_of(program)
    for weights in nodes:
        values = constants.get(weights.name)
        if values is not None and values.is_floating_point() and values.dim() == 2:
            yield Matrix(reader=reader, weights=weights, values=values.detach(), axis=axis)


def _size(node: fx.Node, axis: int) -> int:
    size = node.meta["val"].shape[axis]
    return size if isinstance(size, int) else int(size.node.hint)

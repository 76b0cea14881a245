"""Folds sums and products with constants into the layer whose result they change."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .aliases import changed_in_place
from .constants import ConstantEdit, constants_of
from .scaled_layers import channel_axis, is_constant, is_layer, scale_layer

_aten = torch.ops.aten
_SUMS: dict[Any, float] = {_aten.add.Tensor: 1.0, _aten.sub.Tensor: -1.0, _aten.subtract.Tensor: -1.0}

Map = tuple[torch.Tensor, torch.Tensor]


def fold_affine_maps(program: ExportedProgram) -> ExportedProgram:
    """Scale a layer's weights and bias by what alone follows it, in float64, as long as it is a constant a channel.

    Keras writes a batch norm as three operators: (x - mean) * (gamma / sqrt(var + eps)) + beta.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    changed = changed_in_place(edit.graph)
    layers = [node for node in edit.graph.nodes if node not in changed and is_layer(node, constants)]
    folded = [layer for layer in layers if _fold(edit, layer, constants)]
    if not folded:
        return program
    edit.drop_unused()
    return edit.program()


def _fold(edit: ConstantEdit, layer: fx.Node, constants: dict[str, torch.Tensor]) -> bool:
    axis = channel_axis(layer)
    scale = torch.ones(layer.meta["val"].shape[axis], dtype=torch.float64)
    shift = torch.zeros_like(scale)
    chain = [layer]
    while len(chain[-1].users) == 1 and (user := next(iter(chain[-1].users))).op == "call_function":
        found = _map_of(user, chain[-1], constants, axis)
        if found is None:
            break
        scale, shift = scale * found[0], shift * found[0] + found[1]
        chain.append(user)
    if len(chain) == 1:
        return False
    scale_layer(edit, layer, constants, (scale, shift))
    edit.replace(chain[-1], layer)
    for node in reversed(chain[1:]):
        edit.graph.erase_node(node)
    return True


def _map_of(node: fx.Node, value: fx.Node, constants: dict[str, torch.Tensor], axis: int) -> Map | None:
    """The scale and shift by which an operator makes its result of `value`; None where it does something else."""
    before, after = value.meta["val"], node.meta["val"]
    if node.kwargs or len(node.args) != 2 or (after.shape, after.dtype) != (before.shape, before.dtype):
        return None
    left, right = node.args
    other = _by_channel(right if left is value else left, constants, (axis, before.dim()))
    if other is None or (left is value and right is value):
        return None
    one, zero = torch.ones_like(other), torch.zeros_like(other)
    if node.target is _aten.mul.Tensor:
        return other, zero
    if node.target is _aten.div.Tensor and left is value:
        return one / other, zero
    sign = _SUMS.get(node.target)
    if sign is None:
        return None
    return (one, sign * other) if left is value else (sign * one, other)


def _by_channel(value: Any, constants: dict[str, torch.Tensor], place: tuple[int, int]) -> torch.Tensor | None:
    """A number, or a constant of one number for each channel of `axis`, as a vector in float64."""
    axis, rank = place
    if isinstance(value, (int, float)):
        return torch.tensor([value], dtype=torch.float64)
    if not is_constant(value, constants):
        return None
    held = constants[value.name].detach().double()
    if held.dim() > rank:
        return None
    spread = held.reshape([1] * (rank - held.dim()) + list(held.shape))
    is_by_channel = all(size == 1 for place, size in enumerate(spread.shape) if place != axis)
    return spread.reshape(-1) if is_by_channel else None

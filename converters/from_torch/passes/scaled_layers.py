"""Multiplies the result of a convolution or linear layer with constant weights by folding factors into the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from .constants import ConstantEdit
from .node_writer import groups_of, schema_arguments

_aten = torch.ops.aten
# The axis of the weight that counts output channels.
_LAYERS: dict[Any, int] = {
    _aten.conv1d.default: 0,
    _aten.conv2d.default: 0,
    _aten.conv3d.default: 0,
    _aten.conv_transpose1d.default: 1,
    _aten.conv_transpose2d.input: 1,
    _aten.conv_transpose3d.input: 1,
    _aten.linear.default: 0,
}
_EVERY_CONVOLUTION = (_aten.conv1d.padding, _aten.conv2d.padding, _aten.conv3d.padding)


def is_layer(node: Any, constants: dict[str, torch.Tensor]) -> bool:
    """Whether a node is a layer whose weights and bias, if it has one, are constants."""
    if not isinstance(node, fx.Node) or (node.target not in _LAYERS and node.target not in _EVERY_CONVOLUTION):
        return False
    parts = list(schema_arguments(node).values())[1:3]
    return all(is_constant(value, constants) for value in parts if value is not None)


def is_constant(value: Any, constants: dict[str, torch.Tensor]) -> bool:
    """Whether a value is a tensor that the program carries."""
    return isinstance(value, fx.Node) and value.op == "placeholder" and value.name in constants


def channel_axis(layer: fx.Node) -> int:
    """The axis of a layer's result that counts its output channels: the last of a linear layer's."""
    return layer.meta["val"].dim() - 1 if layer.target is _aten.linear.default else 1


def scale_layer(
    edit: ConstantEdit, layer: fx.Node, constants: dict[str, torch.Tensor], factors: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Let a layer give `scale * result + shift`; both are float64, with one number for each output channel."""
    scale, shift = factors
    arguments = list(schema_arguments(layer).values())
    weight = constants[arguments[1].name].detach()
    bias = 0.0 if arguments[2] is None else constants[arguments[2].name].detach().double()
    scaled = _scaled(weight.double(), scale, _LAYERS.get(layer.target, 0), groups_of(layer))
    arguments[1] = edit.add(f"{layer.name}_scaled", scaled.to(weight.dtype))
    arguments[2] = edit.add(f"{layer.name}_shifted", (scale * bias + shift).to(weight.dtype))
    layer.args, layer.kwargs = tuple(arguments), {}


def _scaled(weight: Any, scale: Any, axis: int, groups: int) -> torch.Tensor:
    """The weight times one factor for each output channel; transposed layers hold them group after group."""
    spatial = [1] * (weight.dim() - 2)
    if axis == 0:
        return weight * scale.reshape(-1, 1, *spatial)
    factors = scale.reshape(groups, 1, -1, *spatial).expand(-1, weight.shape[0] // groups, *([-1] * (weight.dim() - 1)))
    return weight * factors.reshape(weight.shape[0], -1, *spatial)

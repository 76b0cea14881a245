"""Folds batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of

_aten = torch.ops.aten
# The axis of the weight that counts output channels.
_LAYERS = {
    _aten.conv1d.default: 0,
    _aten.conv2d.default: 0,
    _aten.conv3d.default: 0,
    _aten.conv_transpose1d.default: 1,
    _aten.conv_transpose2d.input: 1,
    _aten.conv_transpose3d.input: 1,
    _aten.linear.default: 0,
}
_EVERY_CONVOLUTION = (_aten.conv1d.padding, _aten.conv2d.padding, _aten.conv3d.padding)


def fold_batch_norms(program: ExportedProgram) -> ExportedProgram:
    """Scale a layer's weights and bias by the batch norm that alone uses its result, in float64.

    With s = gamma / sqrt(var + eps): w' = s w and b' = s (b - mean) + beta (Ioffe and Szegedy, 2015). The
    formats' own tools do the same, in float32 and after they have taken every batch norm apart into eight
    operators, which is most of their time on a convolutional network.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    found = list(edit.graph.find_nodes(op="call_function", target=_aten.batch_norm.default))
    folded = [node for node in found if _is_foldable(node, constants)]
    if not folded:
        return program
    for number, norm in enumerate(folded):
        _fold(edit, norm, constants, f"folded_norm_{number}")
    edit.drop_unused()
    return edit.program()


def _is_foldable(norm: fx.Node, constants: dict[str, torch.Tensor]) -> bool:
    layer, gamma, beta, mean, variance, training = norm.args[:6]
    if training or not isinstance(layer, fx.Node) or layer.op != "call_function" or len(layer.users) != 1:
        return False
    if layer.target not in _LAYERS and layer.target not in _EVERY_CONVOLUTION:
        return False
    if layer.target is _aten.linear.default and layer.meta["val"].dim() != 2:
        return False  # the channels of a batch norm are axis 1, those of a linear layer the last
    _, weight, bias = _arguments(layer)[:3]
    needed = [value for value in (weight, bias, gamma, beta) if value is not None]
    return mean is not None and all(_is_constant(value, constants) for value in (*needed, mean, variance))


def _is_constant(value: Any, constants: dict[str, torch.Tensor]) -> bool:
    return isinstance(value, fx.Node) and value.op == "placeholder" and value.name in constants


def _fold(edit: ConstantEdit, norm: fx.Node, constants: dict[str, torch.Tensor], name: str) -> None:
    layer: Any = norm.args[0]
    arguments = _arguments(layer)
    parts: tuple[Any, ...] = (*norm.args[1:5], arguments[1], arguments[2])
    values: list[Any] = [None if part is None else constants[part.name].detach().double() for part in parts]
    gamma, beta, mean, variance, weight, bias = values
    epsilon: Any = norm.args[7]
    scale = (1.0 if gamma is None else gamma) / torch.sqrt(variance + epsilon)
    shift = (0.0 if bias is None else bias) - mean
    dtype = constants[arguments[1].name].dtype
    new_weight = _scaled(weight, scale, _LAYERS.get(layer.target, 0), _groups(layer))
    new_bias = scale * shift + (0.0 if beta is None else beta)
    arguments[1] = edit.add(f"{name}_weight", new_weight.to(dtype))
    arguments[2] = edit.add(f"{name}_bias", new_bias.to(dtype))
    layer.args, layer.kwargs = tuple(arguments), {}
    edit.replace(norm, layer)
    edit.graph.erase_node(norm)


def _groups(layer: fx.Node) -> int:
    names = [argument.name for argument in layer.target._schema.arguments]  # type: ignore[union-attr]
    return int(_arguments(layer)[names.index("groups")]) if "groups" in names else 1


def _arguments(layer: fx.Node) -> list[Any]:
    """All arguments of a layer in the order of its schema, defaults included."""
    schema = layer.target._schema.arguments  # type: ignore[union-attr]
    given = dict(zip([argument.name for argument in schema], layer.args, strict=False), **layer.kwargs)
    return [given.get(argument.name, argument.default_value) for argument in schema]


def _scaled(weight: Any, scale: Any, axis: int, groups: int) -> torch.Tensor:
    """The weight times one factor for each output channel; transposed layers hold them group after group."""
    spatial = [1] * (weight.dim() - 2)
    if axis == 0:
        return weight * scale.reshape(-1, 1, *spatial)
    factors = scale.reshape(groups, 1, -1, *spatial).expand(-1, weight.shape[0] // groups, *([-1] * (weight.dim() - 1)))
    return weight * factors.reshape(weight.shape[0], -1, *spatial)

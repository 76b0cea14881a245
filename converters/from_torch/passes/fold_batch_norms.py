"""Folds batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of
from .scaled_layers import channel_axis, is_constant, is_layer, scale_layer

_aten = torch.ops.aten


def fold_batch_norms(program: ExportedProgram) -> ExportedProgram:
    """Scale a layer's weights and bias by the batch norm that alone uses its result, in float64.

    With s = gamma / sqrt(var + eps): w' = s w and b' = s (b - mean) + beta (Ioffe and Szegedy, 2015). The
    formats' own tools do the same, in float32 and after they have taken every batch norm apart into eight
    operators, which is most of their time on a convolutional network.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    found = list(edit.graph.find_nodes(op="call_function", target=_aten.batch_norm.default))
    folded = [node for node in found if is_foldable(node, constants)]
    if not folded:
        return program
    for norm in folded:
        _fold(edit, norm, constants)
    edit.drop_unused()
    return edit.program()


def is_foldable(norm: fx.Node, constants: dict[str, torch.Tensor]) -> bool:
    """Whether a batch norm alone uses the result of a layer with constant weights, and is itself constant."""
    layer, gamma, beta, mean, variance, training = norm.args[:6]
    if training or not isinstance(layer, fx.Node) or len(layer.users) != 1 or not is_layer(layer, constants):
        return False
    if channel_axis(layer) != 1:
        return False  # the channels of a batch norm are axis 1
    needed = [value for value in (gamma, beta) if value is not None]
    return mean is not None and all(is_constant(value, constants) for value in (*needed, mean, variance))


def _fold(edit: ConstantEdit, norm: fx.Node, constants: dict[str, torch.Tensor]) -> None:
    parts: tuple[Any, ...] = norm.args[1:5]
    values: list[Any] = [None if part is None else constants[part.name].detach().double() for part in parts]
    gamma, beta, mean, variance = values
    epsilon: Any = norm.args[7]
    layer: Any = norm.args[0]
    scale = (1.0 if gamma is None else gamma) / torch.sqrt(variance + epsilon)
    scale_layer(edit, layer, constants, (scale, (0.0 if beta is None else beta) - scale * mean))
    edit.replace(norm, layer)
    edit.graph.erase_node(norm)

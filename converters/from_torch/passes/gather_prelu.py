"""Recognises a PReLU that is written out, as Keras does it."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of
from .scaled_layers import is_constant

_aten = torch.ops.aten


def gather_prelu(program: ExportedProgram) -> ExportedProgram:
    """Turn relu(x) + c * relu(-x), c a constant for each channel, into the one operator that every runtime has.

    keras.layers.PReLU writes -alpha * relu(-x) + relu(x): five passes over a tensor.
    """
    edit = ConstantEdit(program)
    constants = constants_of(program)
    found = 0
    for node in edit.graph.find_nodes(op="call_function", target=_aten.add.Tensor):
        parts = _parts(node, constants)
        if parts is not None:
            value, slopes = parts
            node.target, node.args = _aten.prelu.default, (value, edit.add(f"{node.name}_slopes", slopes))
            found += 1
    if not found:
        return program
    edit.graph.eliminate_dead_code()
    edit.drop_unused()
    return edit.program()


def _parts(node: fx.Node, constants: dict[str, torch.Tensor]) -> tuple[fx.Node, torch.Tensor] | None:
    """The tensor, and the slope of its negative numbers by channel."""
    if node.kwargs or len(node.args) != 2:
        return None
    for positive, negative in (node.args, node.args[::-1]):
        factor, mirrored = _product(negative, constants)
        value = _argument(positive, _aten.relu.default)
        if value is not None and factor is not None and _argument(mirrored, _aten.neg.default) is value:
            slopes = _by_channel(-constants[factor.name].detach(), value)
            if slopes is not None:
                return value, slopes
    return None


def _product(node: Any, constants: dict[str, torch.Tensor]) -> tuple[fx.Node | None, fx.Node | None]:
    """The constant factor of a product, and what the other factor is the relu of."""
    if not isinstance(node, fx.Node) or node.target is not _aten.mul.Tensor:
        return None, None
    arguments: Any = node.args
    for factor, other in (arguments, arguments[::-1]):
        if is_constant(factor, constants):
            return factor, _argument(other, _aten.relu.default)
    return None, None


def _argument(node: Any, target: Any) -> fx.Node | None:
    """What an operator is called with, if it is that operator."""
    given = node.args[0] if isinstance(node, fx.Node) and node.target is target else None
    return given if isinstance(given, fx.Node) else None


def _by_channel(slopes: torch.Tensor, value: fx.Node) -> torch.Tensor | None:
    tensor = value.meta["val"]
    if tensor.dim() < 2 or slopes.dim() > tensor.dim():
        return None
    spread = slopes.reshape([1] * (tensor.dim() - slopes.dim()) + list(slopes.shape))
    alone = all(size == 1 for axis, size in enumerate(spread.shape) if axis != 1)
    return spread.reshape(-1).contiguous() if alone and spread.shape[1] in (1, tensor.shape[1]) else None

"""Writes products with a constant matrix as linear layers, which carry their bias."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of
from .scaled_layers import is_constant

_aten = torch.ops.aten
_PRODUCTS = (_aten.mm.default, _aten.matmul.default, _aten.addmm.default)


def dense_as_linear(program: ExportedProgram) -> ExportedProgram:
    """Turn mm, matmul and addmm with a matrix [inputs, outputs] into linear with one of [outputs, inputs].

    A Dense layer of Keras is a matmul and a sum. As one layer it takes its bias along into integer kernels, and the
    activation behind it.
    """
    edit = ConstantEdit(program)
    constants = constants_of(program)
    found = [
        node
        for target in _PRODUCTS
        for node in edit.graph.find_nodes(op="call_function", target=target)
        if _is_layer(node, constants)
    ]
    if not found:
        return program
    for node in found:
        bias, value, matrix = _parts(node)
        weights = edit.add(f"{node.name}_weights", constants[matrix.name].detach().T.contiguous())
        node.target, node.args = _aten.linear.default, (value, weights, bias)
    edit.drop_unused()
    return edit.program()


def _parts(node: fx.Node) -> tuple[Any, Any, Any]:
    """Bias, value and matrix."""
    arguments: Any = node.args
    return arguments[:3] if node.target is _aten.addmm.default else (None, *arguments[:2])


def _is_layer(node: fx.Node, constants: dict[str, torch.Tensor]) -> bool:
    bias, value, matrix = _parts(node)
    if node.kwargs or not is_constant(matrix, constants) or is_constant(value, constants):
        return False
    values = constants[matrix.name]
    rows = value.meta["val"].dim() > 1 and values.dim() == 2 and values.is_floating_point()
    return rows and (bias is None or tuple(bias.meta["val"].shape) == (values.shape[1],))

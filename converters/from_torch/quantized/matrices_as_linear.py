"""Writes matrix products with stored int8 weights as linear layers: one form for the passes and formats behind."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.operators import DEQUANTIZE_CHANNELS
from .reading import StoredWeights, stored_weights

_aten = torch.ops.aten
_PRODUCTS = (_aten.mm.default, _aten.matmul.default, _aten.addmm.default)


def matrices_as_linear(program: ExportedProgram) -> ExportedProgram:
    """Turn mm, matmul and addmm with int8 weights [inputs, outputs] into linear with weights [outputs, inputs].

    What follows, in both formats, needs to know one kind of matrix layer alone, with its outputs along one axis.
    """
    edit = ConstantEdit(program)
    constants = constants_of(program)
    for target in _PRODUCTS:
        for node in edit.graph.find_nodes(op="call_function", target=target):
            bias, value, weight = node.args[:3] if target is _aten.addmm.default else (None, *node.args[:2])
            stored = stored_weights(weight)
            if stored is not None and _is_layer(node, bias, stored):
                _rewrite(edit, node, (value, bias), (stored, constants))
    edit.drop_unused()
    return edit.program()


def _is_layer(node: fx.Node, bias: Any, stored: StoredWeights) -> bool:
    weights = stored.integers.meta["val"]
    plain = weights.dim() == 2 and not node.kwargs and (stored.scales is None or stored.axis == 1)
    return plain and (bias is None or tuple(bias.meta["val"].shape) == (weights.shape[1],))


def _rewrite(
    edit: ConstantEdit,
    node: fx.Node,
    operands: tuple[Any, Any],
    weights: tuple[StoredWeights, dict[str, torch.Tensor]],
) -> None:
    value, bias = operands
    stored, constants = weights
    turned = edit.add(f"{stored.integers.name}_turned", constants[stored.integers.name].detach().T.contiguous())
    with edit.graph.inserting_before(node):
        w = edit.writer(node)
        rest = list(stored.node.args[1:])
        if stored.node.target is DEQUANTIZE_CHANNELS:
            rest[2] = 0
        target: Any = stored.node.target
        layer = w.call(_aten.linear.default, value, w.call(target, turned, *rest), bias)
        edit.replace(node, layer)
    edit.graph.erase_node(node)
    if not stored.node.users:
        edit.graph.erase_node(stored.node)

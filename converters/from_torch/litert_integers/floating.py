"""Writes a quantised program so that LiteRT's converter takes it: roundings stay in it, weights become float numbers.

The converter has QUANTIZE and DEQUANTIZE on activations, and takes no integers for constants that are dequantised
("operand #0 must be ... quantized values"); their numbers are found again in the file. It also multiplies weights by
what stands before or behind a layer, such as a norm's factors, after which they are no integers of any scale. A pair of
roundings keeps it from that: where there is none by the program, one with a step of its own stands until the file is
made.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.layers import FORMS
from ..quantization.operators import (
    DEQUANTIZE,
    DEQUANTIZE_CHANNELS,
    DEQUANTIZE_CHOSEN,
    INT8_MAX,
    INT8_MIN,
    QUANTIZE,
)
from .weights import IntegerConstant

BARRIER = 2.0**-100  # a step that no tensor has
_aten = torch.ops.aten
_SCALING = frozenset({_aten.mul.Tensor, _aten.mul.Scalar, _aten.div.Tensor, _aten.div.Scalar})


def in_float(program: ExportedProgram) -> tuple[ExportedProgram, list[IntegerConstant]]:
    """The program with float weights and without measured roundings, and the integers that the weights stand for."""
    edit = ConstantEdit(program)
    constants = constants_of(program)
    found: list[IntegerConstant] = []
    for node in list(edit.graph.nodes):
        if node.target in {DEQUANTIZE, DEQUANTIZE_CHANNELS} and node.args[0].name in constants:
            found.append(_constant(node, constants))
            for layer in list(node.users):
                _shield(edit, layer, node)
            edit.replace(node, edit.add(f"{node.args[0].name}_real", torch.from_numpy(found[-1].real)))
    for node in list(edit.graph.nodes):
        if node.target is DEQUANTIZE_CHOSEN:
            edit.replace(node, node.args[0].args[0])
    edit.graph.eliminate_dead_code()
    edit.drop_unused()
    return edit.program(), found


def _shield(edit: ConstantEdit, layer: fx.Node, weights: fx.Node) -> None:
    """Put barriers around a layer with these weights, where it has no roundings that are barriers."""
    form = FORMS.get(layer.target)
    if form is None or form.activation is None or layer.args[form.weights] is not weights:
        return
    given: Any = layer.args[form.activation]
    if given.target is not DEQUANTIZE:
        source = given.args[0].args[0] if given.target is DEQUANTIZE_CHOSEN else given
        with edit.graph.inserting_before(layer):
            layer.update_arg(form.activation, _barrier(edit, source, layer))
    for user in [user for user in layer.users if user.target in _SCALING]:
        with edit.graph.inserting_before(user):
            user.replace_input_with(layer, _barrier(edit, layer, layer))


def _barrier(edit: ConstantEdit, value: fx.Node, like: fx.Node) -> fx.Node:
    w = edit.writer(like)
    arguments = (BARRIER, 0, INT8_MIN, INT8_MAX, torch.int8)
    return w.call(DEQUANTIZE, w.call(QUANTIZE, value, *arguments), *arguments)


def _constant(node: fx.Node, constants: dict[str, torch.Tensor]) -> IntegerConstant:
    arguments: tuple[Any, ...] = node.args
    values = constants[arguments[0].name]
    measured = any(source.target is DEQUANTIZE_CHOSEN for user in node.users for source in user.all_input_nodes)
    if node.target is DEQUANTIZE:
        scales, axis = torch.tensor(arguments[1], dtype=torch.float32), None
    else:
        scales, axis = constants[arguments[1].name], int(arguments[3])
    return IntegerConstant(values=values.numpy(), scales=scales.numpy(), axis=axis, measured=measured)

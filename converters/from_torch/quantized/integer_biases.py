"""Stores the biases of integer layers as int32, in steps of input times weight."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.layers import FORMS
from ..quantization.operators import DEQUANTIZE_CHANNELS
from .reading import StoredWeights, grid_of, stored_weights

_aten = torch.ops.aten
_LARGEST = 2**31 - 1
_BIAS = 2  # the argument, of every layer


def integer_biases(program: ExportedProgram) -> ExportedProgram:
    """Give layers whose input and weights are integers a bias of integers too.

    ONNX Runtime's operators on integers have biases of int32; versions that do not make them from biases in float leave
    such a layer in float (https://github.com/microsoft/onnxruntime/pull/22889).
    """
    edit = ConstantEdit(program)
    constants = constants_of(program)
    for node in list(edit.graph.nodes):
        form = FORMS.get(node.target) if node.op == "call_function" else None
        if form is None or form.activation is None:
            continue
        stored, grid = stored_weights(node.args[form.weights]), grid_of(node.args[form.activation])
        bias: Any = node.args[_BIAS] if len(node.args) > _BIAS else None
        if stored is not None and grid is not None and isinstance(bias, fx.Node) and bias.name in constants:
            values = constants[bias.name].detach()
            steps = grid.scale * _scales(stored, constants, values)
            if steps.numel() == values.numel():
                node.update_arg(_BIAS, _dequantized(edit, node, bias.name, (values, steps)))
    edit.drop_unused()
    return edit.program()


def _scales(stored: StoredWeights, constants: dict[str, torch.Tensor], bias: torch.Tensor) -> torch.Tensor:
    if stored.scales is None:
        return torch.full(bias.shape, stored.scale, dtype=torch.float32)
    return constants[stored.scales.name].detach()


def _dequantized(edit: ConstantEdit, node: fx.Node, name: str, given: tuple[torch.Tensor, torch.Tensor]) -> fx.Node:
    values, steps = given
    whole = torch.round(values.double() / steps.double()).clamp(-_LARGEST, _LARGEST).to(torch.int32)
    parts = (
        edit.add(f"{name}_int32", whole),
        edit.add(f"{name}_steps", steps),
        edit.add(f"{name}_zeros", torch.zeros(steps.shape, dtype=torch.int64)),
    )
    with edit.graph.inserting_before(node):
        return edit.writer(node).call(DEQUANTIZE_CHANNELS, *parts, 0, -_LARGEST, _LARGEST, torch.int32)

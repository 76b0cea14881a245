"""Widens the scales of channels whose bias, in steps of input times weight, would not fit into 32 bits."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.layers import FORMS
from ..quantization.operators import WEIGHT_MAX
from .reading import Grid, StoredWeights, grid_of, stored_weights

_LARGEST = 2.0**30  # leaves as much again for the products that are added
_BIAS = 2  # the argument, of every layer


def room_for_biases(program: ExportedProgram) -> ExportedProgram:
    """Round the weights of such channels anew, to fewer steps.

    Integer kernels add the bias as int32 with the scale of the products. A channel that training let die has weights of
    nearly zero, a tiny scale, and a bias of ordinary size: billions of its steps, which would be cut off.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    for node in edit.graph.nodes:
        form = FORMS.get(node.target) if node.op == "call_function" else None
        if form is None or form.activation is None:
            continue
        stored, grid = stored_weights(node.args[form.weights]), grid_of(node.args[form.activation])
        bias = _bias(node, constants)
        if stored is not None and stored.scales is not None and grid is not None and bias is not None:
            _widen(edit, stored, (grid, bias), constants)
    return edit.program()


def _bias(node: fx.Node, constants: dict[str, torch.Tensor]) -> torch.Tensor | None:
    bias: Any = node.args[_BIAS] if len(node.args) > _BIAS else None
    return constants[bias.name].detach() if isinstance(bias, fx.Node) and bias.name in constants else None


def _widen(
    edit: ConstantEdit, stored: StoredWeights, given: tuple[Grid, torch.Tensor], constants: dict[str, torch.Tensor]
) -> None:
    grid, bias = given
    assert stored.scales is not None
    scales = constants[stored.scales.name].detach()
    if bias.numel() != scales.numel():
        return
    wanted = torch.maximum(scales, bias.abs().reshape(-1) / (_LARGEST * grid.scale))
    if torch.equal(wanted, scales):
        return
    integers = constants[stored.integers.name].detach()
    shape = [-1 if axis == stored.axis else 1 for axis in range(integers.dim())]
    changed = torch.round(integers.float() * (scales / wanted).reshape(shape)).clamp(-WEIGHT_MAX, WEIGHT_MAX)
    edit.set(stored.scales, wanted)
    edit.set(stored.integers, changed.to(torch.int8))

"""Writes convolutions along one axis whose input is measured as they run over two."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.operators import DEQUANTIZE_CHANNELS
from .reading import is_measured, stored_weights

_aten = torch.ops.aten


def measured_conv1d(program: ExportedProgram) -> ExportedProgram:
    """Give those a second axis of size one: executorch 1.5.1 measures the input of convolutions over images alone."""
    edit = ConstantEdit(program)
    constants = constants_of(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.conv1d.default):
        stored = stored_weights(node.args[1])
        if is_measured(node.args[0]) and stored is not None and stored.scales is not None:
            integers = constants[stored.integers.name].detach().unsqueeze(-1).contiguous()
            _rewrite(edit, node, edit.add(f"{stored.integers.name}_2d", integers))
    edit.drop_unused()
    return edit.program()


def _rewrite(edit: ConstantEdit, node: fx.Node, stored: fx.Node) -> None:
    measured: Any = node.args[0]
    weights: Any = node.args[1]
    rounded: Any = measured.args[0]
    bias, stride, padding, dilation, groups = _options(node)
    with edit.graph.inserting_before(node):
        w = edit.writer(node)
        image = w.call(_aten.unsqueeze.default, rounded.args[0], -1)
        integers = w.call(rounded.target, image, *rounded.args[1:])
        real = w.call(measured.target, integers, *measured.args[1:])
        kernel = w.call(DEQUANTIZE_CHANNELS, stored, *weights.args[1:])
        sizes = ([stride, 1], [padding, 0], [dilation, 1])
        made = w.call(_aten.conv2d.default, real, kernel, bias, *sizes, groups)
        edit.replace(node, w.call(_aten.squeeze.dim, made, -1))
    edit.graph.erase_node(node)


def _options(node: fx.Node) -> tuple[Any, int, int, int, int]:
    """Bias, stride, padding, dilation and groups, each as one number."""
    given: list[Any] = [*node.args[2:], *(None, 1, 0, 1, 1)[len(node.args) - 2 :]]
    bias, *numbers = given
    stride, padding, dilation, groups = (value[0] if isinstance(value, (list, tuple)) else value for value in numbers)
    return bias, stride, padding, dilation, groups

"""Writes convolutions of sounds that measure their input as convolutions of images one place high."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..quantization.operators import CHOOSE, INT8_MAX, INT8_MIN, SMALLEST_STEP
from .reading import StoredWeights, is_measured, stored_weights

_aten = torch.ops.aten
_HEIGHT = 2
# stride, padding and dilation, with what they are along an axis of one place
_STEPS = ((3, 1), (4, 0), (5, 1))


def sounds_as_images(program: ExportedProgram) -> ExportedProgram:
    """The program with conv2d for every measured conv1d: executorch 1.5.1 has no measured conv1d."""
    edit = ConstantEdit(program)
    constants = constants_of(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.conv1d.default):
        stored = stored_weights(node.args[1])
        if stored is not None and is_measured(node.args[0]):
            _rewrite(edit, node, stored, constants)
    edit.graph.eliminate_dead_code()
    edit.drop_unused()
    return edit.program()


def _rewrite(edit: ConstantEdit, node: fx.Node, stored: StoredWeights, constants: dict[str, torch.Tensor]) -> None:
    measured: Any = node.args[0]
    rounding: Any = stored.node
    weights = edit.add(f"{stored.integers.name}_flat", constants[stored.integers.name].detach().unsqueeze(_HEIGHT))
    sound = node.meta["val"]
    with edit.graph.inserting_before(node):
        w = edit.writer(node)
        image = w.call(_aten.unsqueeze.default, measured.args[0].args[0], _HEIGHT)
        scale, zero_point = w.items(w.call(CHOOSE, image, INT8_MIN, INT8_MAX, SMALLEST_STEP, torch.int8))
        integers = w.call(measured.args[0].target, image, scale, zero_point, *measured.args[0].args[3:])
        real = w.call(measured.target, integers, scale, zero_point, *measured.args[3:])
        spread = w.call(rounding.target, weights, *rounding.args[1:])
        arguments: list[Any] = [real, spread, *node.args[2:]]
        for place, flat in _STEPS:
            if place < len(arguments):
                arguments[place] = [flat, *arguments[place]]
        made = w.call(_aten.conv2d.default, *arguments)
    # In place, because the recipe knows the layer by its name.
    node.target, node.args, node.meta["val"] = _aten.conv2d.default, made.args, made.meta["val"]
    edit.graph.erase_node(made)
    with edit.graph.inserting_after(node):
        result = edit.writer(node).call(_aten.squeeze.dim, node, _HEIGHT)
    result.meta["val"] = sound
    edit.replace(node, result)
    result.update_arg(0, node)

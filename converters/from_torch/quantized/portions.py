"""Measures what convolutions read in the portions that XNNPACK measures, for simulations."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.node_writer import NodeWriter, ProgramEdit
from .measure_for_each import by_rows
from .reading import is_measured

_aten = torch.ops.aten


def in_portions(program: ExportedProgram) -> ExportedProgram:
    """Give every image a scale of its own, and where a kernel of one place makes rows of its places, every place.

    Written so, XNNPACK's partitioner would not know a convolution with a measured input: its own pattern measures the
    tensor as a whole.
    """
    edit = ProgramEdit(program)
    for node in list(edit.graph.nodes):
        value: Any = node.args[0] if node.op == "call_function" and "conv" in str(node.target) else None
        if is_measured(value):
            with edit.graph.inserting_before(node):
                measure = _by_places if _is_product_of_places(node) else _by_images
                node.update_arg(0, measure(edit.writer(node), value.args[0].args[0]))
    edit.graph.eliminate_dead_code()
    return edit.program()


def _is_product_of_places(node: fx.Node) -> bool:
    weights: Any = node.args[1]
    stride: Any = node.args[3] if len(node.args) > 3 else 1
    padding: Any = node.args[4] if len(node.args) > 4 else 0
    is_of_one_place = set(weights.meta["val"].shape[2:]) == {1}
    return is_of_one_place and _is_all(stride, 1) and (padding == "valid" or _is_all(padding, 0))


def _is_all(given: Any, wanted: int) -> bool:
    return all(each == wanted for each in given) if isinstance(given, (list, tuple)) else given == wanted


def _by_images(w: NodeWriter, value: fx.Node) -> fx.Node:
    return w.call(_aten.view_as.default, by_rows(w, w.call(_aten.flatten.using_ints, value, 1)), value)


def _by_places(w: NodeWriter, value: fx.Node) -> fx.Node:
    return w.call(_aten.movedim.int, by_rows(w, w.call(_aten.movedim.int, value, 1, -1)), -1, 1)

"""Keeps the reduced axes of means and maxima as axes of size one, and takes them out afterwards."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten
_IMAGE_RANK = 4
_IMAGE_AXES = [2, 3]


def keep_dim_reductions(program: ExportedProgram) -> ExportedProgram:
    """Rewrite reductions of images that XNNPACK takes in one form only, or does not take.

    executorch 1.5.1 gives max(dim) to XNNPACK when only its values are used and then stops: "amax.default only
    supports keep_dim == True", or "only supports dim == 2 or dim == 3"; a mean over height and width without
    keepdim stays behind on the portable kernels.
    """
    edit = ProgramEdit(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.mean.dim):
        _keep_mean(edit, node)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.max.dim):
        _values_alone(edit, node)
    return edit.program()


def _keep_mean(edit: ProgramEdit, node: fx.Node) -> None:
    value, axes, keep = (*node.args, False)[:3]
    image = _rank(value) == _IMAGE_RANK and not node.kwargs.get("dtype") and not keep
    if not image or not isinstance(axes, (list, tuple)) or sorted(_positive(axes)) != _IMAGE_AXES:
        return
    with edit.graph.inserting_before(node):
        writer = edit.writer(node)
        edit.replace(node, _without_axes(writer, writer.call(_aten.mean.dim, value, _IMAGE_AXES, True), _IMAGE_AXES))
    edit.graph.erase_node(node)


def _values_alone(edit: ProgramEdit, node: fx.Node) -> None:
    """Turn max(dim) into amax where nobody asks for the positions: amax has a portable kernel."""
    value, axis, keep = (*node.args, False)[:3]
    parts = list(node.users)
    if _rank(value) != _IMAGE_RANK or any(_asks_positions(part) for part in parts):
        return
    with edit.graph.inserting_before(node):
        largest = edit.writer(node).call(_aten.amax.default, value, [axis], keep)
    for part in parts:
        if not part.args[1]:
            edit.replace(part, largest)
        edit.graph.erase_node(part)
    edit.graph.erase_node(node)


def _asks_positions(part: fx.Node) -> bool:
    return part.target is not operator.getitem or (bool(part.args[1] == 1) and bool(part.users))


def _without_axes(writer: NodeWriter, node: fx.Node, axes: list[int]) -> fx.Node:
    shape = [size for axis, size in enumerate(node.meta["val"].shape) if axis not in axes]
    if all(isinstance(size, int) for size in shape):
        return writer.call(_aten.reshape.default, node, shape)
    return writer.call(_aten.squeeze.dims, node, axes)  # XNNPACK reshapes to known sizes only


def _rank(node: Any) -> int:
    return int(node.meta["val"].dim())


def _positive(axes: Any) -> list[int]:
    return [int(axis) % _IMAGE_RANK for axis in axes]

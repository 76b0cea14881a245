"""Resizes to the nearest pixel by picking rows and columns, where the size is not a multiple."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .constants import ConstantEdit

_aten = torch.ops.aten


def exact_nearest_upsampling(program: ExportedProgram) -> ExportedProgram:
    """Rewrite nearest resizing of images to a size that is no multiple as a choice of rows and of columns.

    Output pixel i takes input pixel floor(i * in / out) in torch; the LiteRT operator that litert-torch 0.10.0
    puts in its place rounds otherwise, and other pixels come out. Multiples are the same in both.
    """
    edit = ConstantEdit(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.upsample_nearest2d.vec):
        sizes = _sizes(node)
        if sizes is None:
            continue
        with edit.graph.inserting_before(node):
            value: Any = node.args[0]
            for axis, (before, after) in zip((2, 3), sizes, strict=True):
                value = _picked(edit, node, value, (axis, before, after))
        edit.replace(node, value)
        edit.graph.erase_node(node)
    return edit.program()


def _sizes(node: fx.Node) -> list[tuple[int, int]] | None:
    """Height and width before and after, if they are known and one is no multiple."""
    before, after = (tensor.meta["val"].shape[-2:] for tensor in (node.args[0], node))  # type: ignore[union-attr]
    sizes = list(zip(before, after, strict=True))
    if not all(isinstance(size, int) for pair in sizes for size in pair):
        return None
    return sizes if any(new % old for old, new in sizes) else None


def _picked(edit: ConstantEdit, node: fx.Node, value: fx.Node, how: tuple[int, int, int]) -> fx.Node:
    axis, before, after = how
    if before == after:
        return value
    constant = edit.add(f"nearest_{after}_of_{before}", _positions(node, how))
    return edit.writer(node).call(_aten.index_select.default, value, axis, constant)


def _positions(node: fx.Node, how: tuple[int, int, int]) -> torch.Tensor:
    """The rows or columns that torch itself would take: its scales are rounded, so it is asked."""
    axis, before, after = how
    ramp = torch.arange(before, dtype=torch.float32).reshape(1, 1, before, 1)
    factors: Any = (*node.args, None, None)[2]
    factor = None if factors is None else [float(factors[axis - 2]), 1.0]
    picked = _aten.upsample_nearest2d.vec(ramp, None if factor else [after, 1], factor)
    return picked.reshape(-1).to(torch.int64)

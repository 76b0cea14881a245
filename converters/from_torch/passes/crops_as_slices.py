"""Cuts with a slice what a model cuts with negative padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten
_PADS = (_aten.constant_pad_nd.default, _aten.pad.default)


def crops_as_slices(program: ExportedProgram) -> ExportedProgram:
    """Replace constant padding with negative amounts by slices and what padding is left.

    The kernel of executorch 1.5.1 refuses negative amounts when the program runs (error 0x12).
    """
    edit = ProgramEdit(program)
    for target in _PADS:
        for node in edit.graph.find_nodes(op="call_function", target=target):
            amounts = node.args[1]
            if not isinstance(amounts, (list, tuple)) or not _crops(node, amounts):
                continue
            with edit.graph.inserting_before(node):
                edit.replace(node, _rewritten(edit.writer(node), node, [int(amount) for amount in amounts]))
            edit.graph.erase_node(node)
    return edit.program()


def _crops(node: fx.Node, amounts: Any) -> bool:
    is_constant = node.target is _aten.constant_pad_nd.default or (*node.args, "constant")[2] == "constant"
    return is_constant and all(isinstance(amount, int) for amount in amounts) and any(amount < 0 for amount in amounts)


def _rewritten(writer: NodeWriter, node: fx.Node, amounts: list[int]) -> fx.Node:
    value: Any = node.args[0]
    fill = node.args[-1] if isinstance(node.args[-1], (int, float)) else 0
    for pair in range(len(amounts) // 2):
        before, after = amounts[2 * pair], amounts[2 * pair + 1]
        start, stop = max(-before, 0), min(after, 0) or (1 << 62)
        if start or stop < 0:
            value = writer.call(_aten.slice.Tensor, value, -1 - pair, start, stop)
    added = [max(amount, 0) for amount in amounts]
    return writer.call(_aten.constant_pad_nd.default, value, added, fill) if any(added) else value

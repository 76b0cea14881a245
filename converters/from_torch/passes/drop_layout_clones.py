"""Takes out copies that change nothing but the order of the axes in memory, or nothing at all."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from .aliases import changed_in_place
from .node_writer import ProgramEdit

_aten = torch.ops.aten
_COPIES = (
    _aten.contiguous.default,
    _aten.clone.default,
    _aten._to_copy.default,
    _aten.to.dtype,
    _aten.to.dtype_layout,
    _aten.to.device,
)


def drop_layout_clones(program: ExportedProgram) -> ExportedProgram:
    """Remove contiguous(channels_last), clone and to() where dtype and values stay; in-place targets stay.

    Runtimes choose their own layouts: such a copy costs time, and for executorch 1.5.1 it cuts the delegated
    graph in two. What asked for the layout before (`view`) becomes `reshape`, which does not depend on it.
    """
    edit = ProgramEdit(program)
    changed = changed_in_place(edit.graph)
    dropped = [node for node in edit.graph.nodes if node not in changed and _copies_only(node)]
    if not dropped:
        return program
    for node in dropped:
        edit.replace(node, node.all_input_nodes[0])
        edit.graph.erase_node(node)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.view.default):
        if node not in changed:
            node.target = _aten.reshape.default
    return edit.program()


def _copies_only(node: fx.Node) -> bool:
    if node.op != "call_function" or node.target not in _COPIES:
        return False
    source = node.all_input_nodes[0]
    same_dtype = source.meta["val"].dtype == node.meta["val"].dtype
    # An input or a constant that goes straight out must be copied: delegates do not pass values through.
    straight_out = source.op == "placeholder" and any(user.op == "output" for user in node.users)
    return same_dtype and not straight_out

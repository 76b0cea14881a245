"""Takes out aten.alias, which `x[:]` becomes: litert-torch 0.10 stumbles over it, and it computes nothing."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from .aliases import changed_in_place
from .node_writer import ProgramEdit


def drop_aliases(program: ExportedProgram) -> ExportedProgram:
    """The program with the aliased values themselves, but for those that go straight out or are written to."""
    edit = ProgramEdit(program)
    changed = changed_in_place(edit.graph)
    dropped = [
        node
        for node in edit.graph.find_nodes(op="call_function", target=torch.ops.aten.alias.default)
        if node not in changed
        and not (node.args[0].op == "placeholder" and any(user.op == "output" for user in node.users))
    ]
    if not dropped:
        return program
    for node in dropped:
        edit.replace(node, node.args[0])
        edit.graph.erase_node(node)
    return edit.program()

"""Takes out checks that a program makes of its own values while it runs."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
_CHECKS = (
    _aten._assert_async.msg,
    _aten._assert_async.default,
    _aten._assert_scalar.default,
    _aten._assert_tensor_metadata.default,
    _aten.sym_constrain_range.default,
    _aten.sym_constrain_range_for_size.default,
)


def drop_assertions(program: ExportedProgram) -> ExportedProgram:
    """Remove assertions and whatever was computed for them alone: a converted model has nobody to tell.

    litert-torch 0.10.0 has no lowering for _assert_async, which torch.nn.functional.one_hot brings along.
    """
    edit = ProgramEdit(program)
    checks = [node for node in edit.graph.nodes if node.op == "call_function" and node.target in _CHECKS]
    if not checks:
        return program
    for node in checks:
        _erase(node)
    return edit.program()


def _erase(node: fx.Node) -> None:
    """Erase a node and then its sources, as far as nothing else uses them."""
    waiting = [node]
    while waiting:
        unused = waiting.pop()
        if unused._erased or unused.users or unused.op == "placeholder":
            continue
        waiting.extend(unused.all_input_nodes)
        unused.graph.erase_node(unused)

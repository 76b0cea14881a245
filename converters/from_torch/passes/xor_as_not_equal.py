"""Writes exclusive or on booleans as "not equal"."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
_XORS = (_aten.bitwise_xor.Tensor, _aten.__xor__.Tensor, _aten.logical_xor.default)


def xor_as_not_equal(program: ExportedProgram) -> ExportedProgram:
    """Replace exclusive or of two boolean tensors by ne.

    litert-torch 0.10.0 turns it into an operator for integers, and the file cannot be written ("Failed to
    export flatbuffer", with nothing after it).
    """
    edit = ProgramEdit(program)
    for target in _XORS:
        for node in edit.graph.find_nodes(op="call_function", target=target):
            if any(source.meta["val"].dtype is not torch.bool for source in node.all_input_nodes):
                continue
            with edit.graph.inserting_before(node):
                edit.replace(node, edit.writer(node).call(_aten.ne.Tensor, *node.args))
            edit.graph.erase_node(node)
    return edit.program()

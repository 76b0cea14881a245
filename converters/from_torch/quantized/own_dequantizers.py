"""Gives every reader of a tensor of integers a dequantise operator of its own."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.node_writer import ProgramEdit
from ..quantization.operators import DEQUANTIZE

_aten = torch.ops.aten


def own_dequantizers(program: ExportedProgram) -> ExportedProgram:
    """Repeat the dequantise operators that several operators read.

    executorch 1.5.1 puts one that is shared into the partition of one of its readers, and stops if another partition
    reads it: "Invalid partition, found dependency cycles". PT2E's own programs are written so for the same reason.
    """
    edit = ProgramEdit(program)
    for node in list(edit.graph.find_nodes(op="call_function", target=DEQUANTIZE)):
        readers = [user for user in node.users if user.op != "output"]
        for reader in readers[0 if len(readers) < len(node.users) else 1 :]:
            reader.replace_input_with(node, _copy(edit, node, reader))
    return edit.program()


def _copy(edit: ProgramEdit, node: fx.Node, reader: fx.Node) -> fx.Node:
    with edit.graph.inserting_before(reader):
        return edit.writer(node).call(DEQUANTIZE, *node.args)

"""Lays every parameter, buffer and constant out densely, in the order of its axes."""

from __future__ import annotations

from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of


def contiguous_constants(program: ExportedProgram) -> ExportedProgram:
    """Make constants contiguous that are transposed views or stand in channels-last order.

    executorch 1.5.1 delegates such a kernel to XNNPACK and then stops: "Expected ... to be NCHW in channels
    last reshape pass".
    """
    scattered = {name: value for name, value in constants_of(program).items() if not value.is_contiguous()}
    if not scattered:
        return program
    edit = ConstantEdit(program)
    for node in edit.graph.find_nodes(op="placeholder"):
        if node.name in scattered:
            edit.set(node, scattered[node.name].detach().contiguous())
    return edit.program()

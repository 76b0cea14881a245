"""Writes PReLU out where it is not four-dimensional."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
_IMAGE_RANK = 4


def spell_out_prelu(program: ExportedProgram) -> ExportedProgram:
    """Replace PReLU on tensors of any rank but four by relu(x) - w * relu(-x), which has the same bits.

    executorch 1.5.1 gives every PReLU to XNNPACK, whose layout pass knows images only and stops with
    "Attempting to convert non-NHWC compatible node to NHWC".
    """
    edit = ProgramEdit(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.prelu.default):
        value, weight = node.args
        rank = node.meta["val"].dim()
        if rank == _IMAGE_RANK:
            continue
        with edit.graph.inserting_before(node):
            writer = edit.writer(node)
            # One weight for each channel, axis 1; a lone weight goes for all.
            shape = [1, -1] + [1] * (rank - 2) if rank > 1 else [-1]
            slope = writer.call(_aten.reshape.default, weight, shape)
            negative = writer.call(_aten.relu.default, writer.call(_aten.neg.default, value))
            scaled = writer.call(_aten.mul.Tensor, slope, negative)
            edit.replace(node, writer.call(_aten.sub.Tensor, writer.call(_aten.relu.default, value), scaled))
        edit.graph.erase_node(node)
    return edit.program()

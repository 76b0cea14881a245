"""Writes PReLU out as relu(x) + w * min(x, 0), which has the same bits."""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten
_IMAGE_RANK = 4


def spell_out_prelu(program: ExportedProgram) -> ExportedProgram:
    """Write every PReLU out, for LiteRT.

    litert-torch 0.10.0 writes relu(x) - w * relu(-x), and LiteRT's converter folds the negation into the layer before:
    its weights are stored, and its product computed, twice (2.75 MB instead of 1.57 for the last network of MTCNN).
    """
    return _spelled_out(program, but_on_images=False)


def spell_out_prelu_but_on_images(program: ExportedProgram) -> ExportedProgram:
    """Write PReLU out on tensors of any rank but four, for ExecuTorch.

    executorch 1.5.1 gives every PReLU to XNNPACK, whose layout pass knows images only and stops with
    "Attempting to convert non-NHWC compatible node to NHWC".
    """
    return _spelled_out(program, but_on_images=True)


def _spelled_out(program: ExportedProgram, *, but_on_images: bool) -> ExportedProgram:
    edit = ProgramEdit(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.prelu.default):
        rank = node.meta["val"].dim()
        if but_on_images and rank == _IMAGE_RANK:
            continue
        with edit.graph.inserting_before(node):
            edit.replace(node, _formula(edit.writer(node), node, rank))
        edit.graph.erase_node(node)
    return edit.program()


def _formula(writer: NodeWriter, node: fx.Node, rank: int) -> fx.Node:
    value, weight = node.args
    # One weight for each channel, axis 1; a lone weight goes for all.
    slope = writer.call(_aten.reshape.default, weight, [1, -1] + [1] * (rank - 2) if rank > 1 else [-1])
    below = writer.call(_aten.mul.Tensor, writer.call(_aten.clamp_max.default, value, 0), slope)
    return writer.call(_aten.add.Tensor, writer.call(_aten.relu.default, value), below)

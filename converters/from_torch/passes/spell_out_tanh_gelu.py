"""Writes the tanh approximation of GELU out as the products and the tanh it consists of."""

from __future__ import annotations

import math

import torch
from torch.export import ExportedProgram

from .node_writer import ProgramEdit

_aten = torch.ops.aten
# Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def spell_out_tanh_gelu(program: ExportedProgram) -> ExportedProgram:
    """Replace gelu(approximate="tanh") by its formula.

    executorch 1.5.1 drops the argument when it gives the operator to XNNPACK, which computes the exact GELU:
    1.4e-4 away, without a word.
    """
    edit = ProgramEdit(program)
    for node in edit.graph.find_nodes(op="call_function", target=_aten.gelu.default):
        if node.kwargs.get("approximate", "none") != "tanh":
            continue
        value = node.args[0]
        with edit.graph.inserting_before(node):
            writer = edit.writer(node)
            cube = writer.call(_aten.mul.Tensor, writer.call(_aten.mul.Tensor, value, value), value)
            inner = writer.call(_aten.add.Tensor, value, writer.call(_aten.mul.Tensor, cube, _CUBIC))
            bent = writer.call(_aten.tanh.default, writer.call(_aten.mul.Tensor, inner, _SLOPE))
            half = writer.call(_aten.mul.Tensor, value, 0.5)
            edit.replace(node, writer.call(_aten.mul.Tensor, half, writer.call(_aten.add.Tensor, bent, 1.0)))
        edit.graph.erase_node(node)
    return edit.program()

"""Replaces infinities among a program's constants by the largest numbers of their dtype."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from .constants import ConstantEdit, constants_of


def clamp_infinities(program: ExportedProgram) -> ExportedProgram:
    """Clamp infinite constants (attention masks) into the range of their dtype, in copies.

    litert-torch 0.10.0 does this itself, but in place: the model that other formats are still to be made of
    would change under them.
    """
    infinite = {
        name: value
        for name, value in constants_of(program).items()
        if value.is_floating_point() and bool(value.detach().isinf().any())
    }
    if not infinite:
        return program
    edit = ConstantEdit(program)
    for node in edit.graph.find_nodes(op="placeholder"):
        if node.name in infinite:
            value = infinite[node.name].detach()
            limits = torch.finfo(value.dtype)
            edit.set(node, value.clamp(limits.min, limits.max))
    return edit.program()

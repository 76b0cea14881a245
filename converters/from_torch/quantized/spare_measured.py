"""Lets layers read a tensor as it is where a format has no quick kernel for one that is rounded as the model runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.node_writer import ProgramEdit, erase_unused
from ..quantization.layers import FORMS
from ..quantization.operators import CHOOSE, DEQUANTIZE_CHOSEN, QUANTIZE_CHOSEN
from .reading import is_measured

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """A program, and why some of its layers read their input as it is, by their names."""

    program: ExportedProgram
    reasons: dict[str, str] = field(default_factory=dict[str, str])


def spare_measured(program: ExportedProgram, is_spared: Callable[[fx.Node], bool], reason: str) -> Spared:
    """Keep int8 weights alone of those layers: what they read is not rounded."""
    edit = ProgramEdit(program)
    reasons: dict[str, str] = {}
    for node in edit.graph.nodes:
        form = FORMS.get(node.target) if node.op == "call_function" else None
        if form is None or form.activation is None:
            continue
        value: Any = node.args[form.activation]
        if is_measured(value) and is_spared(node):
            node.update_arg(form.activation, value.args[0].args[0])
            reasons[node.name] = reason
    erase_unused(edit.graph, [node for node in edit.graph.nodes if _is_part(node)])
    return Spared(program=edit.program(), reasons=reasons)


def _is_part(node: fx.Node) -> bool:
    if node.target in (CHOOSE, QUANTIZE_CHOSEN, DEQUANTIZE_CHOSEN):
        return True
    sources = node.all_input_nodes
    return node.op == "call_function" and len(sources) == 1 and sources[0].target is CHOOSE

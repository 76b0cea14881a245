"""Turns stored int8 weights back into floats where a format has no way to keep them."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit, constants_of
from ..passes.node_writer import groups_of
from ..quantization.layers import FORMS
from .reading import grid_of, stored_weights

_aten = torch.ops.aten
_KNOWN = frozenset(
    {
        _aten.linear.default,
        _aten.conv1d.default,
        _aten.conv1d.padding,
        _aten.conv2d.default,
        _aten.conv2d.padding,
        _aten.conv_transpose2d.input,
    }
)
_ROUNDED_AS_IT_RUNS = ("dequantize_per_tensor.tensor", "dequantize_per_token")


def fold_stored_weights(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """The program with float weights for layers that read floats, and which operators those are.

    XNNPACK multiplies floats with constant floats. Dequantised as the model runs, such weights would send the layer to
    the portable kernels, where crepe_tiny takes 380 ms instead of 1.6, and the dequantising would come on top.
    """
    constants = constants_of(program)
    edit = ConstantEdit(program)
    folded: list[str] = []
    for node in list(edit.graph.nodes):
        form = FORMS.get(node.target) if node.op == "call_function" else None
        stored = None if form is None or form.activation is None else stored_weights(node.args[form.weights])
        if form is None or form.activation is None or stored is None or _is_taken(node, node.args[form.activation]):
            continue
        arguments = fx.map_arg(stored.node.args, lambda part: constants[part.name].detach())
        target: Any = stored.node.target
        real = edit.add(f"{stored.integers.name}_float", target(*arguments).contiguous())
        node.update_arg(form.weights, real)
        folded.append(str(node.target).removesuffix(".default"))
    edit.graph.eliminate_dead_code()
    edit.drop_unused()
    return edit.program(), tuple(folded)


def _is_taken(node: fx.Node, value: Any) -> bool:
    """Whether XNNPACK multiplies integers in a layer that reads `value`."""
    spreads_groups = node.target is _aten.conv_transpose2d.input and groups_of(node) > 1
    return node.target in _KNOWN and not spreads_groups and _reads_integers(value)


def _reads_integers(value: Any) -> bool:
    if grid_of(value) is not None:
        return True
    return isinstance(value, fx.Node) and any(name in str(value.target) for name in _ROUNDED_AS_IT_RUNS)

"""Lets every layer measure its own input, in the portions that XNNPACK measures."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit
from ..passes.node_writer import NodeWriter, erase_unused
from ..quantization.layers import FORMS
from ..quantization.operators import (
    CHOOSE,
    DEQUANTIZE_CHANNELS,
    DEQUANTIZE_CHOSEN,
    INT8_MAX,
    INT8_MIN,
    QUANTIZE_CHOSEN,
    SMALLEST_STEP,
)
from .reading import is_measured, stored_weights

_aten = torch.ops.aten
_quantized = torch.ops.quantized_decomposed
_RANGE = (INT8_MIN, INT8_MAX, torch.int8)


def measure_for_each(program: ExportedProgram) -> ExportedProgram:
    """Write the measuring out for each layer: by rows for linear layers, by the whole tensor for convolutions.

    XNNPACK has no other way for linear layers (executorch 1.5.1 takes a measured tensor for measured rows), and
    executorch gives up where partitions share a measured tensor. Each channel of the weights has a scale, if only the
    same one, because XNNPACK wants that too.
    """
    edit = ConstantEdit(program)
    before = list(edit.graph.nodes)
    for node in before:
        form = FORMS.get(node.target) if node.op == "call_function" else None
        value: Any = None if form is None or form.activation is None else node.args[form.activation]
        if form is None or form.activation is None or not is_measured(value):
            continue
        with edit.graph.inserting_before(node):
            w = edit.writer(node)
            measure = by_rows if node.target is _aten.linear.default else _as_a_whole
            node.update_arg(form.activation, measure(w, value.args[0].args[0]))
            _scale_channels(edit, w, node, form.weights)
    erase_unused(edit.graph, [node for node in before if node.op == "call_function" and not node.users])
    edit.graph.eliminate_dead_code()
    edit.drop_unused()
    return edit.program()


def _as_a_whole(w: NodeWriter, value: fx.Node) -> fx.Node:
    scale, zero_point = w.items(w.call(CHOOSE, value, INT8_MIN, INT8_MAX, SMALLEST_STEP, torch.int8))
    integers = w.call(QUANTIZE_CHOSEN, value, scale, zero_point, *_RANGE)
    return w.call(DEQUANTIZE_CHOSEN, integers, scale, zero_point, *_RANGE)


def by_rows(w: NodeWriter, value: fx.Node) -> fx.Node:
    """The value through integers with a scale for each row, which is the last axis."""
    chosen = w.call(_quantized.choose_qparams_per_token_asymmetric.default, value, torch.int8)
    scale, zero_point = w.items(chosen)
    integers = w.call(_quantized.quantize_per_token.default, value, scale, zero_point, *_RANGE)
    return w.call(_quantized.dequantize_per_token.default, integers, scale, zero_point, *_RANGE, torch.float32)


def _scale_channels(edit: ConstantEdit, w: NodeWriter, node: fx.Node, place: int) -> None:
    stored = stored_weights(node.args[place])
    if stored is None or stored.scales is not None:
        return
    channels = stored.integers.meta["val"].shape[0]
    scales = edit.add(f"{stored.integers.name}_scales", torch.full((channels,), stored.scale))
    zeros = edit.add(f"{stored.integers.name}_zeros", torch.zeros(channels, dtype=torch.int64))
    node.update_arg(place, w.call(DEQUANTIZE_CHANNELS, stored.integers, scales, zeros, 0, *stored.node.args[3:]))

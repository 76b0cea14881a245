"""What of a quantised program is rewritten before ExecuTorch's exporter sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from .drop_redundant_clips import drop_redundant_clips
from .fold_stored_weights import fold_stored_weights
from .matrices_as_linear import matrices_as_linear
from .measure_for_each import measure_for_each
from .measured_images import has_channels_last
from .own_dequantizers import own_dequantizers
from .room_for_biases import room_for_biases
from .spare_measured import spare_measured

_aten = torch.ops.aten
_IMAGES = (_aten.conv2d.default, _aten.conv2d.padding)


def decided_for_executorch(program: ExportedProgram) -> ExportedProgram:
    """The quantised program that an ExecuTorch artifact computes.

    XNNPACK measures the rows that linear layers read, and what full convolutions read; others read it unrounded.
    """
    return measure_for_each(spare_measured(matrices_as_linear(program), _is_not_taken))


def quantised_for_executorch(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """That program in the forms that XNNPACK computes in integers, each pass says which; and notes for the user."""
    program, folded = fold_stored_weights(decided_for_executorch(program))
    for rewrite in (room_for_biases, drop_redundant_clips, own_dequantizers):
        program = rewrite(program)
    return program, _told(folded)


def _is_not_taken(node: fx.Node) -> bool:
    if node.target is _aten.linear.default:
        return False
    weights: Any = node.args[1]
    measured: Any = node.args[0]
    # One input channel for each group: a depthwise convolution, whatever it multiplies its channels by.
    is_depthwise = weights.meta["val"].shape[1] == 1
    return node.target not in _IMAGES or is_depthwise or not has_channels_last(measured.args[0].args[0])


def _told(folded: tuple[str, ...]) -> tuple[str, ...]:
    if not folded:
        return ()
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(Counter(folded).items()))
    return (f"stored in float, because XNNPACK multiplies floats with constant floats alone: {listed}",)

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
from .own_dequantizers import own_dequantizers
from .reading import is_measured
from .room_for_biases import room_for_biases
from .spare_measured import spare_measured

_aten = torch.ops.aten
_IMAGE_RANK = 4
_BETWEEN = frozenset(
    {
        _aten.relu.default,
        _aten.relu_.default,
        _aten.relu6.default,
        _aten.hardtanh.default,
        _aten.hardtanh_.default,
        _aten.hardswish.default,
        _aten.hardsigmoid.default,
        _aten.sigmoid.default,
        _aten.silu.default,
        _aten.gelu.default,
        _aten.clamp.default,
        _aten.prelu.default,
        _aten.batch_norm.default,
        _aten.dropout.default,
        _aten.constant_pad_nd.default,
        _aten.pad.default,
        _aten.cat.default,
        _aten.add.Tensor,
        _aten.add_.Tensor,
        _aten.sub.Tensor,
        _aten.mul.Tensor,
        _aten.mean.dim,
    }
)
_PADS = frozenset({_aten.constant_pad_nd.default, _aten.pad.default})
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
    # One input channel for each group: a depthwise convolution, whatever it multiplies its channels by.
    return (
        node.target not in _IMAGES
        or weights.meta["val"].shape[1] == 1
        or not _is_of_images(_before_rounding(node.args[0]))
    )


def _before_rounding(value: Any) -> fx.Node:
    """The tensor that is measured and rounded, if one is."""
    source: fx.Node = value.args[0].args[0] if is_measured(value) else value
    return source


def _is_of_images(value: fx.Node) -> bool:
    """Whether a measured tensor has its channels last already, or can have them from its very source on.

    executorch 1.5.1 puts the copy that turns the axes for such a convolution behind the first tensor of all that it
    comes from. It stops where that is no image, and pads or reshapes the wrong axes of one on the way: the program then
    fails when it runs.
    """
    tensor = value.meta["val"]
    if not isinstance(tensor, torch.Tensor) or tensor.dim() != _IMAGE_RANK:
        return False
    if value.op == "placeholder" or "conv" in str(value.target) or "pool2d" in str(value.target):
        return True
    if value.target is _aten.unsqueeze.default:
        return value.args[1] not in (-1, _IMAGE_RANK - 1)  # XNNPACK does not take it, and begins behind it
    if value.target in _PADS and _computed(value)[0].op == "placeholder":
        return False
    return value.target in _BETWEEN and all(_is_of_images(source) for source in _computed(value))


def _computed(value: fx.Node) -> list[fx.Node]:
    """What an operator reads of the call; constants do not turn."""
    return [source for source in value.all_input_nodes if source.op != "placeholder" or source.meta["val"].dim() > 1]


def _told(folded: tuple[str, ...]) -> tuple[str, ...]:
    if not folded:
        return ()
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(Counter(folded).items()))
    return (f"stored in float, because XNNPACK multiplies floats with constant floats alone: {listed}",)

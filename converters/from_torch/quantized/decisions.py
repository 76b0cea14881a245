"""Which format measures the input of which layer as the model runs, and in which portions.

A layer whose input should be measured and that a format has no kernel for, or a slow one, reads its input unrounded
there: its 8-bit weights are what they are in the other formats, and it multiplies in float.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.node_writer import groups_of
from .measure_for_each import measure_for_each
from .measured_images import has_channels_last
from .portions import in_portions
from .sounds_as_images import sounds_as_images
from .spare_measured import Spared, spare_measured

_aten = torch.ops.aten
_IMAGES = (_aten.conv2d.default, _aten.conv2d.padding)
_FLAT = (*_IMAGES, _aten.conv1d.default, _aten.conv1d.padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """Which convolutions do not measure their input in a format, and why."""

    is_spared: Callable[[fx.Node], bool]
    reason: str


def spared_for(format_name: str, program: ExportedProgram) -> Spared:
    """The quantised program as that format computes it, and the layers that it lets read unrounded numbers."""
    decision = _DECISIONS.get(format_name, _AS_THE_RECIPE)
    program = sounds_as_images(program) if format_name == "executorch" else program
    return spare_measured(program, _is_convolution_and(decision.is_spared), decision.reason)


def decided_for(format_name: str, program: ExportedProgram) -> ExportedProgram:
    """The same with the measuring written out for every layer as the format's kernels do it."""
    program = spared_for(format_name, program).program
    return in_portions(measure_for_each(program)) if format_name in _BY_XNNPACK else program


def _is_convolution_and(is_spared: Callable[[fx.Node], bool]) -> Callable[[fx.Node], bool]:
    return lambda node: "conv" in str(node.target) and is_spared(node)


def _is_not_taken_by_xnnpack(node: fx.Node) -> bool:
    measured: Any = node.args[0]
    return node.target not in _IMAGES or _is_depthwise(node) or not has_channels_last(measured.args[0].args[0])


def _is_depthwise(node: fx.Node) -> bool:
    """One input channel for each group, whatever it multiplies its channels by."""
    weights: Any = node.args[1]
    return bool(weights.meta["val"].shape[1] == 1)


_DECISIONS = {
    "executorch": _Decision(
        is_spared=_is_not_taken_by_xnnpack,
        reason="XNNPACK measures the input of full convolutions of images alone, where it can turn their axes",
    ),
    "litert": _Decision(
        is_spared=lambda node: node.target not in _FLAT or groups_of(node) > 1 or _is_depthwise(node),
        reason="LiteRT's kernels that measure their input are quick for full convolutions of several channels alone",
    ),
    # onnxruntime 1.32 on whole models: digits_cnn 0.30 ms for 0.06 in float, mtcnn_onet 0.51 for 0.45, crepe_tiny 22
    # for 3.8 (https://github.com/microsoft/onnxruntime/issues/12206).
    "onnx": _Decision(
        is_spared=lambda _node: True,
        reason="ONNX Runtime's ConvInteger is slower than its convolution in float",
    ),
    "torchscript": _Decision(
        is_spared=lambda node: groups_of(node) > 1,
        reason="torch has no kernel that measures the input of a convolution in groups",
    ),
}
_AS_THE_RECIPE = _Decision(is_spared=lambda _node: False, reason="")  # formats of other distributions
_BY_XNNPACK = frozenset({"executorch", "litert"})

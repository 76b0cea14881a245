"""Reads layers of a quantised program: their weights in integers, and the scale of what they read and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ..quantization.operators import DEQUANTIZE, DEQUANTIZE_CHANNELS, DEQUANTIZE_CHOSEN, QUANTIZE

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The scale and the zero point of a tensor of int8."""

    scale: float
    zero_point: int

    def index(self, value: float) -> int:
        """The integer that stands for a value."""
        rounded = int(torch.round(torch.tensor(value / self.scale))) + self.zero_point
        return max(-128, min(127, rounded))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """The nodes of a layer's int8 weights and of their scales (None for one scale in all), as constants.

    `node` dequantises them, `axis` is the one that has a scale for each of its places.
    """

    node: fx.Node
    integers: fx.Node
    scales: fx.Node | None
    scale: float
    axis: int


def stored_weights(value: Any) -> StoredWeights | None:
    """What a layer's weight argument stands for; None if it is not dequantised from a constant."""
    if not isinstance(value, fx.Node) or value.target not in (DEQUANTIZE, DEQUANTIZE_CHANNELS):
        return None
    integers: Any = value.args[0]
    if integers.op != "placeholder":
        return None
    if value.target is DEQUANTIZE:
        return StoredWeights(node=value, integers=integers, scales=None, scale=_number(value.args[1]), axis=0)
    scales: Any = value.args[1]
    axis: Any = value.args[3]
    return StoredWeights(node=value, integers=integers, scales=scales, scale=0.0, axis=int(axis))


def grid_of(value: Any) -> Grid | None:
    """The grid that a tensor was rounded to when the model was calibrated; None for any other tensor."""
    if not isinstance(value, fx.Node) or value.target not in (DEQUANTIZE, QUANTIZE):
        return None
    return Grid(scale=_number(value.args[1]), zero_point=int(_number(value.args[2])))


def is_rounding(node: fx.Node) -> bool:
    """Whether a node rounds a tensor to a grid of its own."""
    return node.target is QUANTIZE


def is_measured(value: Any) -> bool:
    """Whether a tensor is rounded to a grid that is chosen as the model runs."""
    return isinstance(value, fx.Node) and value.target is DEQUANTIZE_CHOSEN


def _number(value: Any) -> float:
    return float(value)

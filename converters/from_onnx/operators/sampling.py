"""Where a resized axis reads its source: places and weights per output element."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UnsupportedOperators
from ..graph import Node

Taps = tuple[list[list[int]], list[list[float]]]  # [tap][output element]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a Resize: sizes before and after (in elements), and the scale as the node gives it."""

    place: int
    before: Any
    after: Any
    scale: Any

    @property
    def dynamic(self) -> bool:
        """Whether a size is a symbol."""
        return not (isinstance(self.before, int) and isinstance(self.after, int))

    @property
    def inexact(self) -> bool:
        """Whether the scale is not the ratio of the sizes, which is what torch would use."""
        return not self.dynamic and abs(self.scale * self.before - self.after) > 1e-6 * self.after


def taps_of(node: Node, axis: Axis) -> Taps:
    """Source places and weights of every element of the axis (ONNX: Resize, reference implementation)."""
    transform = node.text("coordinate_transformation_mode", "asymmetric" if node.opset < 11 else "half_pixel")
    sources = [_source(place, axis, transform) for place in range(axis.after)]
    mode = node.text("mode", "nearest")
    if mode == "nearest":
        rounding = rounding_of(node, axis)
        places = [_clamped(_rounded(source, rounding), axis) for source in sources]
        return [places], [[1.0] * len(places)]
    if mode == "linear":
        return _weighted(axis, sources, _linear_weights, excluded=False)
    factor = node.number("cubic_coeff_a", -0.75)
    return _weighted(
        axis, sources, lambda rest: _cubic_weights(rest, factor), excluded=bool(node.integer("exclude_outside", 0))
    )


def rounding_of(node: Node, axis: Axis) -> str:
    """How nearest rounds; opset 10 did not say, and ONNX Runtime rounds up where it shrinks."""
    if node.opset < 11:
        return "ceil" if axis.scale < 1 else "floor"
    return node.text("nearest_mode", "round_prefer_floor")


def _source(place: int, axis: Axis, transform: str) -> float:
    """The coordinate in the source, in float32 as the runtimes compute it."""
    scale = np.float32(axis.scale)
    out = np.float32(place)
    half = np.float32(0.5)
    match transform:
        case "asymmetric":
            return float(out / scale)
        case "align_corners":
            return float(out * np.float32(axis.before - 1) / np.float32(axis.after - 1)) if axis.after > 1 else 0.0
        case "half_pixel":
            return float((out + half) / scale - half)
        case "pytorch_half_pixel":
            return float((out + half) / scale - half) if axis.after > 1 else 0.0
        case "tf_half_pixel_for_nn":
            return float((out + half) / scale)
        case "half_pixel_symmetric":
            exact = axis.scale * axis.before
            middle = axis.before / 2
            offset = middle * (1 - axis.after / exact)
            return float(np.float32(offset) + (out + half) / scale - half)
        case _:
            raise UnsupportedOperators(
                f"Resize knows no coordinate_transformation_mode {transform!r}",
                fix="export the model with a mode of the ONNX operator set",
            )


def _rounded(source: float, rounding: str) -> int:
    match rounding:
        case "floor":
            return math.floor(source)
        case "ceil":
            return math.ceil(source)
        case "round_prefer_ceil":
            return math.floor(source + 0.5)
        case _:
            return math.ceil(source - 0.5)


def _clamped(place: int, axis: Axis) -> int:
    return min(max(place, 0), axis.before - 1)


def _linear_weights(rest: float) -> list[tuple[int, float]]:
    return [(0, 1 - rest), (1, rest)]


def _cubic_weights(rest: float, factor: float) -> list[tuple[int, float]]:
    """Keys' cubic kernel with parameter a (ONNX: cubic_coeff_a) at distances 1 + rest ... 2 - rest."""

    def near(distance: float) -> float:
        return ((factor + 2) * distance - (factor + 3)) * distance * distance + 1

    def far(distance: float) -> float:
        return ((factor * distance - 5 * factor) * distance + 8 * factor) * distance - 4 * factor

    return [(-1, far(1 + rest)), (0, near(rest)), (1, near(1 - rest)), (2, far(2 - rest))]


def _weighted(axis: Axis, sources: list[float], kernel: Any, *, excluded: bool) -> Taps:
    columns: list[list[tuple[int, float]]] = []
    for source in sources:
        base = math.floor(source)
        taps = [(base + step, weight) for step, weight in kernel(source - base)]
        if excluded:
            inside = [(place, weight if 0 <= place < axis.before else 0.0) for place, weight in taps]
            total = sum(weight for _, weight in inside)
            taps = [(place, weight / total) for place, weight in inside]
        columns.append([(_clamped(place, axis), weight) for place, weight in taps])
    places = [[column[tap][0] for column in columns] for tap in range(len(columns[0]))]
    weights = [[column[tap][1] for column in columns] for tap in range(len(columns[0]))]
    return places, weights

"""Which pixels a resize reads, by its rule: two rules are alike where they read the same ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from .variants import Axis, Resize

_ROUNDINGS: Mapping[str, Callable[[float], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "half-up": lambda position: math.floor(position + 0.5),
    "half-down": lambda position: math.ceil(position - 0.5),
}
# Where a source leaves its sizes open, rules are held against each other on these.
_TRIED = (Axis(before=7, after=12), Axis(before=9, after=5))
_CLOSE = 1e-3
_MOST = 4096


def is_alike(artifact: Resize, source: Resize) -> bool:
    """Whether an artifact's resize reads the pixels that the source's does, at the sizes of the source."""
    if (artifact.mode, artifact.antialias) != (source.mode, source.antialias):
        return False
    if artifact.mode == "cubic" and artifact.coefficient != source.coefficient:
        return False
    axes = source.axes or _TRIED
    return any(
        all(
            abs(one - other) <= _CLOSE
            for axis, asked in zip(axes, given, strict=True)
            for one, other in zip(_positions(artifact, asked), _positions(source, axis), strict=True)
        )
        for given in _given(artifact, axes)
    )


def difference(artifact: Resize, source: Resize) -> str:
    """How both resize, in words."""
    if artifact.scales is None and any(_is_scaled(axis) for axis in source.axes):
        scaled = ", ".join(f"{axis.scale:g}" for axis in source.axes if axis.scale is not None)
        sizes = ", ".join(f"{axis.after}/{axis.before}" for axis in source.axes)
        return f"resizes by the sizes ({sizes}), and the source by its factors ({scaled})"
    return f"resizes {_words(artifact)}, and the source {_words(source)}"


def _given(artifact: Resize, axes: tuple[Axis, ...]) -> list[tuple[Axis, ...]]:
    """The axes as the artifact has them: with its own factors, channels first or last."""
    plain = tuple(replace(axis, scale=None) for axis in axes)
    if artifact.scales is None:
        return [plain]
    count = len(axes)
    found = [artifact.scales[-count:], artifact.scales[1 : 1 + count]]
    return [
        tuple(replace(axis, scale=scale) for axis, scale in zip(plain, scales, strict=True))
        for scales in found
        if len(scales) == count
    ]


def _positions(resize: Resize, axis: Axis) -> list[float]:
    """Where every new pixel reads, never before the first old one or behind the last."""
    found: list[float] = []
    for index in range(min(axis.after, _MOST)):
        position = _position(resize.rule, axis, index)
        if resize.mode == "nearest":
            position = _ROUNDINGS[resize.rounding](round(position, 6))
        found.append(min(max(position, 0), axis.before - 1))
    return found


def _position(rule: str, axis: Axis, index: int) -> float:
    if rule == "align-corners":
        return index * (axis.before - 1) / (axis.after - 1) if axis.after > 1 else 0.0
    scale = axis.scale or axis.after / axis.before
    return (index + 0.5) / scale - 0.5 if rule == "half-pixel" else index / scale


def _is_scaled(axis: Axis) -> bool:
    return axis.scale is not None and abs(axis.scale - axis.after / axis.before) > _CLOSE * axis.scale


def _words(resize: Resize) -> str:
    coefficient = "" if resize.coefficient is None else f" ({resize.coefficient:g})"
    rounding = f", {resize.rounding}" if resize.mode == "nearest" else ""
    return f"{resize.mode}{coefficient}, {resize.rule}{rounding}{', antialiased' if resize.antialias else ''}"

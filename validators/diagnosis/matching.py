"""Finds the values of a program's operators among those that an artifact's operators give.

Formats rename, fuse, split and turn operators, so that names say little; values do not lie. Two values match if one is
the other but for rounding, in any order of axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
EPSILON = float(np.finfo(np.float32).eps)
_MOST_AXES = 5
_SAME_SIZE = 1e-3


@dataclass(frozen=True, slots=True)
class Match:
    """The tap that is nearest to a node's value, and its difference as a multiple of the node's noise.

    `value` is the tap in the node's shape: as it lies, or without axes of size 1 and the others in this `order`.
    """

    tap: str
    ratio: float
    value: Array
    order: tuple[int, ...] | None = None


class Values:
    """The float values of an artifact's operators, found by their number of elements."""

    def __init__(self, values: Mapping[str, Array]) -> None:
        self._by_size: dict[int, list[tuple[str, Array, float]]] = {}
        for name, value in values.items():
            if value.dtype.kind == "f" and value.size:
                wide = value.astype(np.float64)
                self._by_size.setdefault(value.size, []).append((name, wide, _rms(wide)))

    def nearest(self, value: Array, noise: float, *, near: bool = False) -> Match | None:
        """The nearest of all taps of that many elements; None if there is none of about that rms.

        With `near` taps of any rms count: what a faulty operator gives is to be found too.
        """
        size = _rms(value)
        found: Match | None = None
        for name, tap, tap_size in self._by_size.get(value.size, ()):
            if not near and abs(tap_size - size) > max(_SAME_SIZE * size, 1e3 * noise):
                continue
            for turned, order in _turned(tap, value.shape):
                ratio = _rms(turned - value) / noise if noise else math.inf
                if found is None or ratio < found.ratio:
                    found = Match(name, ratio, turned, order)
        return found


def floor_of(value: Array, noise: float) -> float:
    """The noise of a node's value, at least one rounding."""
    return max(noise, EPSILON * _rms(value))


def tells(value: Array) -> bool:
    """Whether a value can be recognised: another one is hardly equal to it by chance."""
    return value.size >= 2 and bool(np.isfinite(value).all()) and float(np.ptp(value)) > EPSILON * _rms(value)


def _turned(tap: Array, shape: tuple[int, ...]) -> Iterator[tuple[Array, tuple[int, ...] | None]]:
    """The tap in that shape: as it lies, and with its axes in every order that gives it."""
    yield tap.reshape(shape), None
    wanted = tuple(size for size in shape if size != 1)
    plain = tap.reshape([size for size in tap.shape if size != 1] or [1])
    if not 2 <= plain.ndim <= _MOST_AXES or sorted(plain.shape) != sorted(wanted):
        return
    for order in permutations(range(plain.ndim)):
        if order != tuple(range(plain.ndim)) and tuple(plain.shape[axis] for axis in order) == wanted:
            yield plain.transpose(order).reshape(shape), order


def _rms(value: Array) -> float:
    return math.sqrt(float(np.mean(np.square(value)))) if value.size else 0.0

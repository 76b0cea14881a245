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
        wide = {name: value.astype(np.float64) for name, value in values.items() if value.dtype.kind == "f"}
        self._values = {name: (value, _rms(value)) for name, value in wide.items() if value.size}
        self._by_size: dict[int, list[str]] = {}
        for name, (value, _) in self._values.items():
            self._by_size.setdefault(value.size, []).append(name)

    def near(self, value: Array, noise: float) -> Iterator[Match]:
        """Every tap of that many elements and of about that rms, turned as it fits best."""
        size, room = _rms(value), 1e3 * noise
        for name in self._by_size.get(value.size, ()):
            found, found_size = self._values[name]
            if not abs(found_size - size) > max(_SAME_SIZE * size, room):
                yield _match(name, found, value, noise)

    def match(self, tap: str, value: Array, noise: float) -> Match | None:
        """That tap, whatever its rms, as a faulty operator's is another; None if it has not as many elements."""
        found, _ = self._values.get(tap, (np.zeros(0), 0.0))
        return _match(tap, found, value, noise) if found.size == value.size else None


def _match(tap: str, found: Array, value: Array, noise: float) -> Match:
    turned = (Match(tap, _ratio(each, value, noise), each, order) for each, order in _turned(found, value.shape))
    return min(turned, key=lambda match: match.ratio)


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


def _ratio(found: Array, value: Array, noise: float) -> float:
    difference = _rms(found - value)
    return difference / noise if noise else (math.inf if difference else 0.0)


def _rms(value: Array) -> float:
    return math.sqrt(float(np.mean(np.square(value)))) if value.size else 0.0

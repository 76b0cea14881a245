"""Keeps what a person would look at: how errors are distributed, and some values of both sides, in bounded memory."""

from __future__ import annotations

from collections import Counter

import numpy as np

from .accumulators import Array
from .parity import Profile

STEP = 0.25  # decades
_POINTS, _POINTS_OF_A_CALL = 128, 8
_CALLS = 128


class Profiler:
    """Takes one output's calls: the source's values, what is held for true, and the artifact's."""

    def __init__(self) -> None:
        self._errors: Counter[int] = Counter()
        self._noise: Counter[int] = Counter()
        self._points: list[tuple[float, float]] = []
        self._by_call: list[float] = []

    def add(self, source: Array, truth: Array, actual: Array) -> None:
        """One call's arrays of one shape."""
        self._errors += _decades(actual, truth)
        if truth is not source:
            self._noise += _decades(source, truth)
        if len(self._points) < _POINTS:
            self._points += _some(truth, actual)
        if len(self._by_call) < _CALLS:
            self._by_call.append(_rms(actual, truth))

    def profile(self) -> Profile | None:
        """What was kept; None if there was nothing."""
        if not self._by_call:
            return None
        return Profile(
            errors=tuple(sorted(self._errors.items())),
            noise=tuple(sorted(self._noise.items())),
            points=tuple(self._points),
            by_call=tuple(self._by_call),
        )


def _difference(left: Array, right: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.abs(left.astype(np.float64) - right.astype(np.float64))
    return np.asarray(difference[np.isfinite(difference)])


def _decades(left: Array, right: Array) -> Counter[int]:
    """How many differences lie in each quarter of a decade; those of zero are left out."""
    difference = _difference(left, right)
    bins = np.floor(np.log10(difference[difference > 0]) / STEP).astype(int)
    values, counts = np.unique(bins, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _rms(left: Array, right: Array) -> float:
    difference = _difference(left, right)
    return float(np.sqrt(np.mean(np.square(difference)))) if difference.size else 0.0


def _some(truth: Array, actual: Array) -> list[tuple[float, float]]:
    """Elements at even distances; of both sides the finite ones."""
    left, right = truth.ravel().astype(np.float64), actual.ravel().astype(np.float64)
    places = np.linspace(0, left.size - 1, min(_POINTS_OF_A_CALL, left.size)).astype(int)
    pairs = zip(left[places].tolist(), right[places].tolist(), strict=True)
    return [pair for pair in pairs if np.isfinite(pair).all()]

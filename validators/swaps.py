"""Finds out whether an output that does not fit is another output of the model under its name."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .accumulators import DECIDED, Array, absolute_difference, peak
from .metrics import COMPARABLE_KINDS

_CALLS_WATCHED = 16
_MOST_OUTPUTS = 32
_MUCH_BETTER = 0.1
_CLOSE = 0.01


class CrossMeter:
    """The largest difference of every artifact output from every source output, over the first calls.

    Sixteen calls tell a swap well enough, and bound what n x n comparisons cost.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names if 1 < len(names) <= _MOST_OUTPUTS else ()
        self._calls = 0
        self._distance: dict[tuple[str, str], float] = {}
        self._scale: dict[str, float] = {}

    def add(self, reference: Mapping[str, Array], actual: Mapping[str, Array]) -> None:
        """One call of each."""
        if self._calls >= _CALLS_WATCHED:
            return
        self._calls += 1
        for source_name in self._names:
            if source_name not in reference:
                continue
            truth = reference[source_name]
            self._scale[source_name] = max(self._scale.get(source_name, 0.0), _peak(truth))
            for name in self._names:
                if name in actual:
                    key = (source_name, name)
                    self._distance[key] = max(self._distance.get(key, 0.0), _distance(truth, actual[name]))

    def holds_instead(self, name: str) -> str | None:
        """The source output whose values the artifact gives under `name`, if that is another one.

        It must be close to that other one, much closer than to its own, and visibly off its own.
        """
        own = self._distance.get((name, name), math.inf)
        if own <= DECIDED * self._scale.get(name, 0.0):
            return None
        others = {
            source: self._distance.get((source, name), math.inf)
            for source in self._names
            if source != name and self._scale.get(source, 0.0) > 0.0
        }
        best = min(others, key=others.__getitem__, default=None)
        if best is None or others[best] > _CLOSE * self._scale[best]:
            return None
        return best if others[best] < _MUCH_BETTER * own else None


def _distance(reference: Array, actual: Array) -> float:
    """The largest difference; infinite where the two cannot be the same output."""
    if reference.shape != actual.shape or reference.dtype != actual.dtype or reference.size == 0:
        return math.inf
    if reference.dtype.kind not in COMPARABLE_KINDS:
        return math.inf
    finite = np.isfinite(reference)
    if not np.array_equal(finite, np.isfinite(actual)):
        return math.inf
    return peak(np.where(finite, absolute_difference(reference, actual), 0.0))


def _peak(array: Array) -> float:
    if array.dtype.kind not in COMPARABLE_KINDS:
        return 0.0
    return peak(np.where(np.isfinite(array), array.astype(np.float64), 0.0))

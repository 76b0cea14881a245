"""Observers: the range of a tensor from a stream of its values, in memory that does not grow with the samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BINS = 4096  # on either side of zero
_LEVELS = 255
_PERCENTILES = (99.9, 99.99, 99.999)
_SHRINKS = np.linspace(1.0, 0.3, 36)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a scale covers, who chose it, and the mean squared error of rounding to it."""

    low: float
    high: float
    observer: str
    error: float

    @property
    def scale(self) -> float:
        """The size of one step; what is always zero has that of a range of 1, as kernels bound factors of scales."""
        width = self.high - self.low
        return max(width / _LEVELS, 1e-12) if width else 1 / _LEVELS

    @property
    def zero_point(self) -> int:
        """The integer that stands for zero."""
        return int(np.clip(np.round(-128 - self.low / self.scale), -128, 127))


class Histogram:
    """Counts of a tensor's values in equal bins about zero; when a value lies outside, two bins become one.

    The extremes are kept exactly. NaN and infinity are counted apart.
    """

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.broken = 0
        self._reach = 0.0
        self._counts = np.zeros(2 * _BINS, np.int64)

    @property
    def is_constant(self) -> bool:
        """Whether all values were the same."""
        return not self.low < self.high

    def add(self, values: np.ndarray) -> None:
        """Count float values of any shape."""
        flat = values.reshape(-1)
        finite = flat[np.isfinite(flat)]
        self.broken += flat.size - finite.size
        if not finite.size:
            return
        self.low = min(self.low, float(finite.min()))
        self.high = max(self.high, float(finite.max()))
        self._widen(max(-self.low, self.high))
        shares = finite.astype(np.float64) / (self._reach or 1.0)  # without a reach all are zero
        places = ((shares + 1) * _BINS).astype(np.int64)
        self._counts += np.bincount(np.clip(places, 0, 2 * _BINS - 1), minlength=2 * _BINS)

    def _widen(self, reach: float) -> None:
        if not self._reach and reach:
            self._reach = float(2.0 ** np.ceil(np.log2(reach)))
        while reach > self._reach > 0:
            half = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.concatenate([np.zeros(_BINS // 2, np.int64), half, np.zeros(_BINS // 2, np.int64)])
            self._reach *= 2

    def ranges(self) -> list[Range]:
        """What every observer would choose, each with its error; zero is always inside."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        centres = (np.arange(2 * _BINS) + 0.5) / _BINS * self._reach - self._reach
        used = self._counts > 0
        values, weights = centres[used], self._counts[used] / max(self._counts.sum(), 1)
        found = [self._judged(low, high, "min-max", values, weights)]
        for percent in _PERCENTILES:
            inner = _percentile(values, weights, percent)
            found.append(
                self._judged(
                    max(low, min(inner[0], 0)), min(high, max(inner[1], 0)), f"percentile {percent}", values, weights
                )
            )
        shrunk = (self._judged(low * share, high * share, "mse", values, weights) for share in _SHRINKS)
        found.append(min(shrunk, key=lambda item: item.error))
        return found

    @staticmethod
    def _judged(low: float, high: float, observer: str, values: np.ndarray, weights: np.ndarray) -> Range:
        unjudged = Range(low=float(low), high=float(high), observer=observer, error=0.0)
        scale, zero = unjudged.scale, unjudged.zero_point
        rounded = (np.clip(np.round(values / scale) + zero, -128, 127) - zero) * scale
        error = float(np.sum(weights * (rounded - values) ** 2))
        return Range(low=unjudged.low, high=unjudged.high, observer=observer, error=error)


def _percentile(values: np.ndarray, weights: np.ndarray, percent: float) -> tuple[float, float]:
    if not values.size:
        return 0.0, 0.0
    below = np.cumsum(weights)
    outside = (1 - percent / 100) / 2
    last = len(values) - 1
    return (
        float(values[min(int(np.searchsorted(below, outside)), last)]),
        float(values[min(int(np.searchsorted(below, 1 - outside)), last)]),
    )

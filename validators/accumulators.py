"""What is kept while calls go by: sums, extents, changes and decisions, in memory that does not grow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# A gap this small, as a share of the output's scale, may be rounding: nothing is concluded from it. It is
# twice the largest difference that the float32 policy accepts, so an accepted output cannot lose a decision.
DECIDED = 1e-4
_LARGEST = float(np.finfo(np.float64).max)
_SHAPES_REMEMBERED = 8
_MOST_AXES_OF_A_CHOICE = 3
# So much of the range counts as its end.
_END = 1e-3


class ScaledDot:
    """A running dot product that neither overflows nor underflows, scaled as in LAPACK's xLASSQ."""

    def __init__(self) -> None:
        self.total = 0.0
        self._left = self._right = 0.0

    def add(self, left: Array, right: Array) -> None:
        """Add the products of two arrays of finite float64 values of one shape."""
        self._left, shrink_left = _unit(self._left, peak(left))
        self._right, shrink_right = _unit(self._right, peak(right))
        if self._left == 0.0 or self._right == 0.0:
            return
        product = np.dot((left / self._left).ravel(), (right / self._right).ravel())
        self.total = self.total * shrink_left * shrink_right + float(product)

    def root_mean(self, count: int) -> float:
        """The square root of the sum over `count`, where both vectors are the same one."""
        return math.sqrt(self.total / count) * self._left if count else 0.0

    @property
    def log10_root(self) -> float:
        """The logarithm of the sum's square root, where both vectors are the same one and not all zeros."""
        return math.log10(self.total) / 2 + math.log10(self._left)


def _unit(unit: float, largest: float) -> tuple[float, float]:
    """The unit that sums are kept in once `largest` has come, and what the old sum shrinks by."""
    return (unit, 1.0) if largest <= unit else (largest, unit / largest)


class Top1:
    """Counts rows (along the last axis) whose largest entry is decided in the reference, and agreement there.

    A row is decided when its largest entry leads the second by more than `DECIDED` of the largest
    |reference| of its call: anything less is a coin toss, and says nothing. `seen` counts the others too.
    """

    def __init__(self) -> None:
        self.seen = self.rows = self.agreed = 0

    def add(self, reference: Array, actual: Array) -> None:
        """One call's pair; arrays without a choice along the last axis are left out, and so are images."""
        if not 1 <= reference.ndim <= _MOST_AXES_OF_A_CHOICE or reference.dtype.kind != "f":
            return
        if reference.shape[-1] < 2 or reference.size == 0:
            return
        truth = rows_of(reference)
        whole = np.isfinite(truth).all(axis=1)
        truth, other = truth[whole], rows_of(actual)[whole]
        two = np.partition(truth, -2, axis=1)[:, -2:]
        decided = two[:, 1] - two[:, 0] > DECIDED * peak(truth)
        self.seen += len(truth)
        self.rows += int(np.count_nonzero(decided))
        same = np.argmax(truth, axis=1) == np.argmax(other, axis=1)
        # numpy's argmax takes a NaN for the largest, so a row with one must not count as agreement.
        self.agreed += int(np.count_nonzero(decided & same & ~np.isnan(other).any(axis=1)))


class Extent:
    """The smallest and largest finite value seen."""

    def __init__(self) -> None:
        self.range: tuple[float, float] | None = None

    def add(self, array: Array) -> None:
        """One call's array."""
        values = array[np.isfinite(array)]
        if values.size == 0:
            return
        low, high = float(values.min()), float(values.max())
        old = self.range or (low, high)
        self.range = min(low, old[0]), max(high, old[1])


class Saturation:
    """Counts the elements at both ends of the range that was seen so far."""

    def __init__(self) -> None:
        self._extent = Extent()
        self._low = self._high = 0

    @property
    def elements(self) -> int:
        """How many there are at the ends of the whole range; 0 where that is a single value."""
        low, high = self._extent.range or (0.0, 0.0)
        return self._low + self._high if low < high else 0

    def add(self, array: Array) -> None:
        """One call's array; what an end was before a further one came is not counted."""
        before = self._extent.range
        self._extent.add(array)
        if self._extent.range is None:
            return
        low, high = self._extent.range
        near = _END * (high - low)
        if before is not None:
            self._low = self._low if before[0] <= low + near else 0
            self._high = self._high if before[1] >= high - near else 0
        values = array[np.isfinite(array)]
        self._low += int(np.count_nonzero(values <= low + near))
        self._high += int(np.count_nonzero(values >= high - near))


class Changes:
    """Whether, and how far, an output moves from call to call; only calls of one shape are set side by side."""

    def __init__(self) -> None:
        self.any = False
        self.largest = 0.0
        self._first: dict[tuple[int, ...], Array] = {}

    def add(self, array: Array) -> None:
        """One call's array; the first of each shape is remembered, up to a few shapes."""
        first = self._first.get(array.shape)
        if first is None:
            if len(self._first) < _SHAPES_REMEMBERED:
                self._first[array.shape] = np.array(array)
            return
        if np.array_equal(first, array, equal_nan=array.dtype.kind == "f"):
            return
        self.any = True
        both = np.isfinite(first) & np.isfinite(array)
        self.largest = max(self.largest, peak(np.where(both, absolute_difference(first, array), 0.0)))


def absolute_difference(left: Array, right: Array) -> Array:
    """|left - right| as float64: exact for integers of one dtype, never infinite for finite operands."""
    if left.dtype == right.dtype and left.dtype.kind in "iub":
        return _integer_distance(left, right)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.abs(left.astype(np.float64) - right.astype(np.float64))
    return np.asarray(np.minimum(distance, _LARGEST))


def _integer_distance(left: Array, right: Array) -> Array:
    """Unsigned subtraction wraps around to the true distance, which int64 could not hold."""
    wide = np.int64 if left.dtype.kind == "i" else np.uint64
    low, high = np.minimum(left, right).astype(wide), np.maximum(left, right).astype(wide)
    return np.asarray((high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64))


def as_finite(array: Array, where: Array) -> Array:
    """The array as float64 with zeros wherever `where` is false."""
    return np.where(where, array.astype(np.float64), 0.0)


def peak(array: Array) -> float:
    """The largest absolute value of an array of finite floats; 0 when it is empty."""
    return float(np.max(np.abs(array), initial=0.0))


def rows_of(array: Array) -> Array:
    """The array as float64 rows along its last axis."""
    return array.astype(np.float64).reshape(-1, array.shape[-1])

"""What values an input may have, as the example, real calls and the model's own tables show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..converters.tensors import Call
from .accumulators import Array

_FEW_ELEMENTS = 8
_IMAGE_AXES = 3
Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a model's inputs beside its example, by name.

    `seen` are the lowest and highest values of real calls, `rows` those of the tables that integers index;
    `parameters` is the model's size.
    """

    seen: Mapping[str, Range] = field(default_factory=dict[str, Range])
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    parameters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The lowest and highest value that an input was seen with.

    Noise stays between `floor` and `ceiling`, which are infinite where nothing shows an end. `is_index` marks whole
    numbers that choose rows of a table.
    """

    low: float
    high: float
    floor: float = -np.inf
    ceiling: float = np.inf
    is_index: bool = False

    @property
    def width(self) -> float:
        """From the lowest to the highest value."""
        return self.high - self.low

    @property
    def is_open(self) -> bool:
        """Whether it runs to both sides, and nothing shows how far."""
        return self.floor == -np.inf and self.ceiling == np.inf

    @property
    def is_wide(self) -> bool:
        """Whether values beyond the seen ones are allowed too: a range within one looks like a bound."""
        return self.is_open and max(-self.low, self.high) > 1.0

    @property
    def ends(self) -> Range:
        """The values that a whole input may have at once: one, where there is no end."""
        return (max(self.low, -1.0), min(self.high, 1.0)) if self.is_open else (self.low, self.high)

    @property
    def holds_zero(self) -> bool:
        """Whether zero lies in it."""
        return self.low <= 0.0 <= self.high


def spans_of(example: Call, known: Known) -> dict[str, Span]:
    """The span of every input that has one; others hold flags, or integers of unknown meaning."""
    found = {name: _span(array, known.seen.get(name), known.rows.get(name)) for name, array in example.items()}
    return {name: span for name, span in found.items() if span is not None}


def seen_in(calls: Iterable[Call]) -> dict[str, Range]:
    """The lowest and highest finite value of every numeric input over the calls."""
    found: dict[str, Range] = {}
    for call in calls:
        for name, array in call.items():
            values = array[np.isfinite(array)]
            if array.dtype.kind in "fiu" and values.size:
                found[name] = _joined(found.get(name), (float(values.min()), float(values.max())))
    return found


def joined(one: Mapping[str, Range], other: Mapping[str, Range]) -> dict[str, Range]:
    """Both ranges of every input in one."""
    return {**one, **{name: _joined(one.get(name), found) for name, found in other.items()}}


def _joined(one: Range | None, other: Range) -> Range:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _span(array: Array, seen: Range | None, rows: tuple[int, int] | None) -> Span | None:
    if array.size == 0 or not np.isfinite(array).all():
        return None
    if rows is not None:
        high = min(rows[1], int(np.iinfo(array.dtype).max)) if array.dtype.kind in "iu" else rows[1]
        return Span(low=rows[0], high=high, floor=rows[0], ceiling=high, is_index=True)
    if array.dtype.kind == "f":
        return _of_floats(array, seen)
    if array.dtype == np.uint8 and array.ndim >= _IMAGE_AXES:
        return _closed(*(seen or (float(array.min()), float(array.max()))))
    return None


def _of_floats(array: Array, seen: Range | None) -> Span | None:
    if _are_flags(array):
        return None
    if seen is not None:
        return _closed(*seen)
    low, high = float(array.min()), float(array.max())
    if low == high:
        return _around(low)
    if low >= 0.0 or high <= 0.0:
        return _closed(low, high)
    return Span(low=low, high=high, floor=-1.0, ceiling=1.0) if max(-low, high) <= 1.0 else Span(low=low, high=high)


def _are_flags(array: Array) -> bool:
    """Two values in many elements are a mask, or zeros and ones: what lies between them means nothing."""
    flat = array.ravel()
    other = flat[flat != flat[0]]
    return bool(flat.size > _FEW_ELEMENTS and other.size and (other == other[0]).all())


def _closed(low: float, high: float) -> Span:
    return Span(low=low, high=high, floor=low, ceiling=high)


def _around(value: float) -> Span:
    """Where the example has one value everywhere: from half of it, on its side of zero; around zero up to one."""
    if value > 0.0:
        return Span(low=value / 2, high=value, floor=0.0)
    return Span(low=value, high=value / 2, ceiling=0.0) if value < 0.0 else Span(low=-1.0, high=1.0)

"""The shapes that generated inputs take: noise, constants, ramps, impulses, channels and the ends of a range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .accumulators import Array
from .spans import Span

IMPULSES = 3
_AXES_OF_CHANNELS_LAST = 3
# So much of the range lies on top of what would be constant, to both sides: a model that divides by the spread of its
# input, or chooses between equal values, gives anything for constants, and runtimes lose digits in the spread of large
# values. Means are then at most five times the spread.
_GRAIN = 1 / 4

Pattern = Callable[[Array, Span, np.random.Generator], Array | None]
"""Makes an input of an example, its span and random numbers; None where the pattern means nothing for it."""


def noise(array: Array, span: Span | None, generator: np.random.Generator, *, widen: float = 1.0) -> Array:
    """Normal noise with the example's mean and spread; flags and integers in another order along the last axis.

    An example without spread gets half its size, or 1 if it is zero.
    """
    if span is None or span.is_index:
        return generator.permuted(array, axis=-1) if array.ndim else array
    mean, deviation = _moments(array, span)
    drawn: Array = np.empty(array.shape)
    generator.standard_normal(out=drawn)
    drawn = np.asarray(mean + (widen if span.is_wide else 1.0) * deviation * drawn)
    return _typed(np.clip(drawn, span.floor, span.ceiling), array, span)


def uniform(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
    """Values from the whole range, both ends among them."""
    drawn = _between(span.low, span.high, array, generator)
    if span.is_index:
        drawn = np.asarray(generator.integers(int(span.low), int(span.high), array.shape, endpoint=True), np.float64)
    if array.size > 1:
        drawn.flat[generator.choice(array.size, 2, replace=False)] = span.low, span.high
    return _typed(drawn, array, span)


def zeros(array: Array, span: Span, _generator: np.random.Generator) -> Array | None:
    """Zero everywhere: an empty image, silence."""
    return None if span.is_index or not span.holds_zero else np.zeros_like(array)


def highest(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
    """The upper part of the range everywhere, or about one where there is no end."""
    return _constant(array, span, generator, span.ends[1])


def lowest(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
    """The lower part of the range everywhere, where zeros are not that; of a table the first row is often padding."""
    return None if span.is_index or span.ends[0] == 0.0 else _constant(array, span, generator, span.ends[0])


def edges(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
    """The lower or the upper end in every element: where integers saturate."""
    if span.width == 0.0:
        return None
    heads: Array = np.asarray(generator.integers(0, 2, array.shape), np.bool_)
    return _typed(np.where(heads, span.high, span.low), array, span)


def ramp(axis: int) -> Pattern:
    """A slope from the lower to the upper end along an axis, counted from the last one."""

    def slope(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
        own = array.ndim - 1 - axis
        calls_go_first = array.ndim > 1
        if own < int(calls_go_first) or array.shape[own] < 2 or span.width == 0.0:
            return None
        return _along(own, _spaced(array.shape[own], span), array, span, generator)

    return slope


def channels(*, last: bool) -> Pattern:
    """A value of its own for every channel, in no order: along axis 1, or along the last one of three and more."""

    def distinct(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
        axis = array.ndim - 1 if last else 1
        known = array.ndim >= (_AXES_OF_CHANNELS_LAST if last else 2)
        if not known or array.shape[axis] < 2 or span.is_index or span.width == 0.0:
            return None
        return _along(axis, generator.permutation(_spaced(array.shape[axis], span)), array, span, generator)

    return distinct


def impulse(number: int) -> Pattern:
    """One element at the upper end, all others at rest, in one of `IMPULSES` parts of the input."""

    def single(array: Array, span: Span, generator: np.random.Generator) -> Array | None:
        first, end = (array.size * (number + more) // IMPULSES for more in (0, 1))
        if array.size < 2 or first == end or span.is_index or span.width == 0.0:
            return None
        rest = np.zeros_like(array) if span.holds_zero else _constant(array, span, generator, span.low)
        if rest is not None:
            rest.flat[generator.integers(first, end)] = span.high if span.high != 0.0 else span.low
        return rest

    return single


def _moments(array: Array, span: Span) -> tuple[float, float]:
    """The example's mean and spread, or those of the range that real calls have where it lies outside."""
    values = array.astype(np.float64)
    if values.min() < span.floor or values.max() > span.ceiling:
        return (span.low + span.high) / 2, span.width / 4
    mean = float(values.mean())
    return mean, float(values.std()) or abs(mean) / 2 or 1.0


def _constant(array: Array, span: Span, generator: np.random.Generator, value: float) -> Array | None:
    return None if span.width == 0.0 else _textured(np.full(array.shape, value), array, span, generator)


def _spaced(count: int, span: Span) -> Array:
    """Values at equal distances over the range, with room for grain at its ends."""
    room = 0.0 if span.is_index else _grain(span)
    return np.linspace(span.low + room, span.high - room, count)


def _along(axis: int, values: Array, array: Array, span: Span, generator: np.random.Generator) -> Array:
    """The values along an axis, the same everywhere else."""
    shape = [1] * array.ndim
    shape[axis] = -1
    return _textured(np.broadcast_to(values.reshape(shape), array.shape), array, span, generator)


def _textured(values: Array, array: Array, span: Span, generator: np.random.Generator) -> Array:
    if span.is_index:
        return _typed(values, array, span)
    room = _grain(span)
    grain = _between(-room, room, array, generator)
    return _typed(np.clip(np.clip(values, span.low + room, span.high - room) + grain, span.low, span.high), array, span)


def _between(low: float, high: float, array: Array, generator: np.random.Generator) -> Array:
    drawn: Array = np.empty(array.shape)
    generator.random(out=drawn)
    return np.asarray(low + (high - low) * drawn)


def _grain(span: Span) -> float:
    return _GRAIN * min(span.width, max(abs(span.low), abs(span.high)))


def _typed(values: Array, array: Array, span: Span) -> Array:
    """The values in the example's dtype: rounded where there are no fractions, and never infinite."""
    values = np.rint(values) if span.is_index or array.dtype.kind != "f" else values
    if array.dtype.kind != "f":
        return np.asarray(values, array.dtype)
    largest = float(np.finfo(array.dtype).max)
    return np.asarray(np.clip(values, -largest, largest), array.dtype)

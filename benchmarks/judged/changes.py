"""Faults in numbers: what may happen to the weights of one layer, as functions of the right ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _at(array: np.ndarray, generator: np.random.Generator) -> tuple[int, ...]:
    """A weight that is not among the small ones: whose loss would matter."""
    order = np.argsort(np.abs(array), axis=None)
    place = int(order[generator.integers(3 * array.size // 4, array.size)])
    return tuple(int(each) for each in np.unravel_index(place, array.shape))


def _flipped(array: np.ndarray, generator: np.random.Generator, *, bit: int) -> np.ndarray:
    changed = np.ascontiguousarray(array.copy())
    place = _at(changed, generator)
    word = np.array([changed[place]]).view(np.uint32) ^ np.uint32(1 << bit)
    changed[place] = word.view(np.float32)[0]
    return changed


def exponent_bit(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The exponent's third bit of one weight: sixteen times as large or as small."""
    return _flipped(array, generator, bit=25)


def sign_bit(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The sign of one weight."""
    return _flipped(array, generator, bit=31)


def mantissa_bit(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One weight off by 2^-10."""
    return _flipped(array, generator, bit=13)


def channel_zeroed(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """All weights of one output."""
    changed = array.copy()
    changed[int(generator.integers(len(array)))] = 0
    return changed


def channels_swapped(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Two outputs have each other's weights."""
    changed = array.copy()
    one, other = generator.choice(len(array), 2, replace=False)
    changed[[one, other]] = changed[[other, one]]
    return changed


def scaled(factor: float) -> Change:
    """The whole layer."""

    def change(array: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
        return (array * np.float32(factor)).astype(np.float32)

    return change


def through_float16(array: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    """Rounded to half precision and back."""
    return array.astype(np.float16).astype(np.float32)


def through_bfloat16(array: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    """The lower half of every word cut off."""
    return (np.ascontiguousarray(array).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def yesterday(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Every weight a thousandth of their spread away, as after one more step of training."""
    noise = generator.standard_normal(array.shape) * array.std() * 1e-3
    return (array + noise).astype(np.float32)


ONE_LAYER: dict[str, Change] = {
    "exponent bit of one weight flipped": exponent_bit,
    "sign of one weight flipped": sign_bit,
    "one weight off by 2^-10": mantissa_bit,
    "a channel zeroed": channel_zeroed,
    "two channels swapped": channels_swapped,
    "one layer's weights 1 % off": scaled(1.01),
    "one layer's weights 0.1 % off": scaled(1.001),
    "one layer's weights 0.01 % off": scaled(1.0001),
    "one layer's weights through float16": through_float16,
    "one layer's weights through bfloat16": through_bfloat16,
}
ALL_LAYERS: dict[str, Change] = {
    "all weights through float16": through_float16,
    "yesterday's weights": yesterday,
}

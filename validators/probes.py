"""Generated inputs: seeded noise and rearranged values that resemble the model's example inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..converters.dynamic import resized
from ..converters.signature import Dim, Signature
from ..converters.tensors import Call
from .accumulators import Array

_NOISE_CALLS = 4
_LARGE = 4.0


def probes(signature: Signature, example: Call, *, seed: int) -> list[Call]:
    """Calls made from the example by its statistics; the same seed gives the same calls.

    * noise: floats drawn with the example's mean and deviation, kept on its side of zero if it has one;
      integers and booleans are the example's own values in another order along the last axis, so that ids
      stay in range and the number of valid positions in a mask stays what it was
    * zeros for every float input whose range holds zero, and a draw four times as wide for those that run to
      both sides beyond 1: a normalised image or a waveform has bounds that a model may rely on
    * for each dynamic dimension noise at its other sizes, and once with all of them changed together
    """
    calls = [_noise(example, _generator(seed, index)) for index in range(_NOISE_CALLS)]
    if any(_holds_zero(array) for array in example.values()):
        calls.append({name: np.zeros_like(array) if _holds_zero(array) else array for name, array in example.items()})
    if any(_is_wide(array) for array in example.values()):
        calls.append(_noise(example, _generator(seed, len(calls)), widen=_LARGE))
    for sized in _other_sizes(signature, example):
        calls.append(_noise(sized, _generator(seed, len(calls))))
    return calls


def _generator(seed: int, index: int) -> np.random.Generator:
    """Every call has a stream of its own, so that one more kind of probe does not change the others."""
    return np.random.default_rng([seed, index])


def _noise(example: Mapping[str, Array], generator: np.random.Generator, *, widen: float = 1.0) -> Call:
    return {
        name: _draw(array, generator, widen if _is_wide(array) else 1.0)
        if array.dtype.kind == "f"
        else _rearranged(array, generator)
        for name, array in example.items()
    }


def _draw(array: Array, generator: np.random.Generator, widen: float) -> Array:
    """Normal noise; an example without spread gets as much as its size, or 1 if it is zero."""
    values = array[np.isfinite(array)].astype(np.float64)
    if values.size == 0:
        return array
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    deviation = float(values.std()) or abs(mean) or 1.0
    noise: Array = np.empty(array.shape)
    generator.standard_normal(out=noise)
    noise = np.asarray(mean + widen * deviation * noise)
    if low >= 0.0 and high > 0.0:
        noise = np.clip(noise, low, high) if high > low else np.abs(noise)
    elif high <= 0.0 and low < 0.0:
        noise = np.clip(noise, low, high) if high > low else -np.abs(noise)
    elif max(-low, high) <= 1.0 and high > low:
        noise = np.clip(noise, -1.0, 1.0)
    return noise.astype(array.dtype)


def _rearranged(array: Array, generator: np.random.Generator) -> Array:
    return generator.permuted(array, axis=-1) if array.ndim else array


def _holds_zero(array: Array) -> bool:
    return bool(array.dtype.kind == "f" and array.size and array.min() <= 0.0 <= array.max())


def _is_wide(array: Array) -> bool:
    return bool(
        array.dtype.kind == "f" and array.size and array.min() < 0.0 < array.max() and np.abs(array).max() > 1.0
    )


def _other_sizes(signature: Signature, example: Call) -> Iterator[dict[str, Array]]:
    """The example at other sizes: each dynamic dimension alone, then all of them at once."""
    together: dict[str, Array] = dict(example)
    changed = 0
    for dim in signature.dims:
        sizes = other_sizes(dim, _size_of(dim, signature, example))
        for size in sizes:
            yield resized(example, signature, dim, size)
        if sizes:
            together = resized(together, signature, dim, sizes[-1])
            changed += 1
    if changed > 1:
        yield together


def other_sizes(dim: Dim, now: int) -> list[int]:
    """One or two sizes within the bounds that are not `now`: the smallest, and up to twice as much.

    Twice, and not one more, since strides and pooling often ask for multiples.
    """
    return sorted({dim.min, min(dim.max, 2 * now)} - {now})


def _size_of(dim: Dim, signature: Signature, example: Call) -> int:
    for spec in signature.inputs:
        for axis in spec.dynamic_axes:
            if spec.shape[axis] == dim.name:
                return int(example[spec.name].shape[axis])
    return dim.min

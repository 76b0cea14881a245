"""Moves numbers by less than a float32 can tell: how far outputs follow is how much rounding matters to a model."""

from __future__ import annotations

import numpy as np

from .tensors import Call

_ULP = float(np.finfo(np.float32).eps)


def moved(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The array with each float moved by up to one float32 ulp, rounded to its own dtype; other dtypes as they are."""
    if array.dtype.kind != "f":
        return array
    factors = 1 + _ULP * generator.uniform(-1, 1, array.shape)
    return np.asarray(array * factors, dtype=array.dtype)


def moved_call(call: Call, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """The call with all its float inputs moved."""
    return {name: moved(array, generator) for name, array in call.items()}

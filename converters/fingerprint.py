"""Tells whether a factory built the same model a second time: a hash of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from .errors import SourceError


def fingerprint(weights: Iterable[np.ndarray]) -> str:
    """SHA-256 over dtype, shape and bytes of every array, in order."""
    found = hashlib.sha256()
    for array in weights:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def require_same(found: str, described: str) -> None:
    """Raise SourceError if the model's weights are not those that it was described with."""
    if found != described:
        raise SourceError(
            "the factory built other weights than the first time, so its models cannot be compared with one another",
            fix="let it load trained weights, or seed every random number it draws",
        )

"""Adds up the constants of an artifact while its reader meets them."""

from __future__ import annotations

from collections.abc import Iterable

from ..checkpoints.malformed import Malformed
from .findings import Weights


class WeightTally:
    """Counts constants; one that was met before under the same key is not counted again."""

    __slots__ = ("_bytes", "_elements", "_seen")

    def __init__(self) -> None:
        self._elements: dict[str, int] = {}
        self._bytes = 0
        self._seen: set[object] = set()

    def add(self, key: object, dtype: str, shape: Iterable[int], size: int) -> None:
        """Count a constant of `size` bytes; raises Malformed for a shape that no file can hold."""
        if key in self._seen:
            return
        self._seen.add(key)
        self._elements[dtype] = self._elements.get(dtype, 0) + product(shape)
        self._bytes += size

    def total(self) -> Weights:
        """Everything counted so far, the most frequent dtype first."""
        ranked = sorted(self._elements.items(), key=lambda pair: (-pair[1], pair[0]))
        return Weights(tensors=len(self._seen), bytes=self._bytes, elements=dict(ranked))


def product(shape: Iterable[int]) -> int:
    """The number of elements of a shape; raises Malformed for a negative size or more than 2**63 elements."""
    elements = 1
    for size in shape:
        elements *= size
        if size < 0 or elements > 1 << 63:
            raise Malformed(f"a constant has a dimension of {size}, which no file can hold")
    return elements


def ranked(counts: dict[str, int]) -> dict[str, int]:
    """Counts with the largest first, then by name."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

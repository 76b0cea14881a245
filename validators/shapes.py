"""Whether the tensors of one call agree on the sizes of dynamic dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from ..converters.signature import Signature
from .accumulators import Array


def disagreement(signature: Signature, call: Mapping[str, Array]) -> str | None:
    """Which dynamic dimension has two sizes in one call of fitting shapes, in words; None if none has."""
    seen: dict[str, tuple[str, int]] = {}
    for spec in signature.inputs:
        for axis in spec.dynamic_axes:
            name, size = str(spec.shape[axis]), call[spec.name].shape[axis]
            first, known = seen.setdefault(name, (spec.name, size))
            if known != size:
                return f"dimension {name!r} is {known} in {first!r} and {size} in {spec.name!r}"
    return None

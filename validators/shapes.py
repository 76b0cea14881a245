"""Whether shapes fit a signature with dynamic dimensions, and how such shapes are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..converters.signature import Dim, Signature, TensorSpec
from .accumulators import Array


def allows(signature: Signature, spec: TensorSpec, shape: Sequence[int]) -> bool:
    """Whether a tensor of this spec may have the shape: fixed sizes equal, named ones within their bounds."""
    dims = {dim.name: dim for dim in signature.dims}
    return len(spec.shape) == len(shape) and all(
        _size_fits(wanted, size, dims) for wanted, size in zip(spec.shape, shape, strict=True)
    )


def _size_fits(wanted: int | str, size: int, dims: Mapping[str, Dim]) -> bool:
    if isinstance(wanted, int):
        return size == wanted
    dim = dims.get(wanted)
    return dim is None or dim.min <= size <= dim.max


def shape_text(signature: Signature, spec: TensorSpec) -> str:
    """A shape for people, dynamic sizes with their bounds: "[batch=1..8, 3]"."""
    bounds = {dim.name: f"{dim.name}={dim.min}..{dim.max}" for dim in signature.dims}
    return f"[{', '.join(bounds.get(str(size), str(size)) for size in spec.shape)}]"


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

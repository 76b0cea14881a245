"""What goes into a model and what comes out: names, dtypes and shapes, without any framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # one annotation below; the command line must not wait for numpy
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Dim:
    """A dynamic dimension: its name and the sizes it may take, both ends included."""

    name: str
    min: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One tensor; `dtype` is a numpy name ("float32"), a dynamic dimension stands in `shape` by its name."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @property
    def dynamic_axes(self) -> tuple[int, ...]:
        """Axes whose size is not fixed."""
        return tuple(axis for axis, size in enumerate(self.shape) if isinstance(size, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Inputs and outputs in call order, and the bounds of every dynamic dimension that they name."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dims: tuple[Dim, ...] = field(default=())

    def dim(self, name: str) -> Dim:
        """The dynamic dimension called `name`; raises KeyError if the signature has none."""
        for dim in self.dims:
            if dim.name == name:
                return dim
        raise KeyError(name)


def spec_of(name: str, array: np.ndarray) -> TensorSpec:
    """The static spec of an array."""
    return TensorSpec(name=name, dtype=array.dtype.name, shape=tuple(int(size) for size in array.shape))


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

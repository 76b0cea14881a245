"""What goes into a model and what comes out: names, dtypes and shapes, without any framework."""

from __future__ import annotations

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

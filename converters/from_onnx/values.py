"""What flows along the edges of a graph: tensors, and small arrays of numbers known on the host.

Shapes, axes and slice bounds are arithmetic on integers. A torch program wants them as Python
integers (or as torch.SymInt where a dimension is dynamic), so they are computed beside the graph
and never become tensors unless an operator needs them as data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Number = Any  # int, float, bool, torch.SymInt, torch.SymFloat; numpy keeps them as objects
LARGEST_KNOWN = 256  # elements; longer arrays are data, not shapes


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A small array whose numbers are known while the program is being traced."""

    numbers: NDArray[np.object_]
    dtype: torch.dtype
    tensor: Tensor | None = None  # the same array as a weight, when it is one

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the array."""
        return self.numbers.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions of the array."""
        return self.numbers.ndim


Value = Tensor | Known


def known(numbers: Any, dtype: torch.dtype) -> Known:
    """An array of any shape (lists, numpy arrays or one number) as `dtype`, element by element."""
    array = numbers if isinstance(numbers, np.ndarray) else objects(numbers)
    cast = _caster(dtype)
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        result[index] = cast(array[index])
    return Known(result, dtype)


def objects(numbers: Any) -> NDArray[np.object_]:
    """A number or a flat sequence of numbers as an object array (numpy must not look inside)."""
    if not isinstance(numbers, (list, tuple)):
        scalar = np.empty((), dtype=object)
        scalar[()] = numbers
        return scalar
    flat: Sequence[Number] = numbers  # pyright: ignore[reportUnknownVariableType]
    array = np.empty(len(flat), dtype=object)
    for index, number in enumerate(flat):
        array[index] = number
    return array


def _caster(dtype: torch.dtype) -> Callable[[Number], Number]:
    if dtype == torch.bool:
        return bool
    if dtype.is_floating_point:
        return lambda number: _as_float(number, dtype)
    return _as_integer


def _as_float(number: Number, dtype: torch.dtype) -> Number:
    if isinstance(number, (torch.SymInt, torch.SymFloat)):
        return torch.sym_float(number)
    if dtype == torch.float32:  # host arithmetic must round as the float32 graph does
        return float(np.float32(number))
    return float(number)


def _as_integer(number: Number) -> Number:
    if isinstance(number, torch.SymFloat):
        return torch.sym_int(number)
    return number if isinstance(number, torch.SymInt) else int(number)


def known_constant(tensor: Tensor) -> Value:
    """A weight, with its numbers on the host where they may be shape arithmetic or scalars."""
    limit = 8 if tensor.dtype.is_floating_point else LARGEST_KNOWN
    if tensor.numel() > limit or tensor.is_complex():
        return tensor
    numbers = np.empty(tuple(tensor.shape), dtype=object)
    flat = tensor.detach().reshape(-1).tolist()
    for index, number in zip(np.ndindex(*numbers.shape), flat, strict=True):
        numbers[index] = number
    return Known(numbers, tensor.dtype, tensor)


def as_tensor(value: Value) -> Tensor:
    """The value as a tensor; a known array becomes a constant of the program."""
    if isinstance(value, Tensor):
        return value
    if value.tensor is not None:
        return value.tensor
    flat = list(value.numbers.reshape(-1))
    if flat and all(_same(number, flat[0]) for number in flat):
        return torch.full(value.shape, flat[0], dtype=value.dtype)
    if any(isinstance(number, (torch.SymInt, torch.SymFloat)) for number in flat):
        scalars = [torch.scalar_tensor(number, dtype=value.dtype) for number in flat]
        return torch.stack(scalars).reshape(value.shape)
    return torch.tensor(flat, dtype=value.dtype).reshape(value.shape)


def _same(one: Number, other: Number) -> bool:
    if isinstance(one, (torch.SymInt, torch.SymFloat)) or isinstance(other, (torch.SymInt, torch.SymFloat)):
        return one is other
    return type(one) is type(other) and bool(one == other)


def as_numbers(value: Value) -> list[Number]:
    """The elements in order, as Python numbers; a tensor's become unbacked symbols when exported."""
    if isinstance(value, Known):
        return list(value.numbers.reshape(-1))
    return [element.item() for element in value.reshape(-1)]


def as_number(value: Value) -> Number:
    """The only element of the value."""
    return as_numbers(value)[0]


def is_number(value: Value) -> bool:
    """Whether the value is one number known on the host."""
    return isinstance(value, Known) and value.numbers.size == 1


def sizes_of(value: Value) -> tuple[Any, ...]:
    """The shape: integers, or torch.SymInt where a dimension is dynamic (torch.jit's tracer gives tensors)."""
    sizes: tuple[Any, ...] = tuple(value.shape)
    return tuple(size if isinstance(size, torch.SymInt) else int(size) for size in sizes)

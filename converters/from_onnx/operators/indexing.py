"""Reading from places: Slice, the Gather family, Compress, OneHot, ReverseSequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graph import Node
from ..values import Known, Value, as_number, as_numbers, as_tensor, objects, sizes_of
from .calling import Operator, Results, axis_of, on_tensors

_TO_THE_END = 10**9  # tf2onnx writes this, 2**31 - 1 or 2**63 - 1 where TensorFlow has no end


def cut(node: Node, value: Value, *bounds: Value | None) -> Results:
    """Slice: starts, ends, axes and steps are inputs since opset 10, attributes before."""
    starts, ends, axes, steps = _bounds(node, bounds)
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, value.ndim)
        value = _cut_axis(value, place, start, end, int(step))
    return value


def _bounds(node: Node, given: tuple[Value | None, ...]) -> list[Any]:
    if node.opset < 10:
        return [node.integers(name) for name in ("starts", "ends", "axes", "steps")]
    padded = [*given, None, None][:4]
    return [None if value is None else as_numbers(value) for value in padded]


def _cut_axis(value: Value, axis: int, start: Any, end: Any, step: int) -> Value:
    if step > 0:
        whole = isinstance(end, int) and end >= _TO_THE_END
        if whole and step == 1 and isinstance(start, int) and start == 0:
            return value
        return _sliced(value, axis, slice(start, None if whole else end, step))
    size = value.shape[axis]
    # A falling slice takes the same elements as a rising one read backwards.
    first = torch.sym_max(torch.sym_min(start + size if start < 0 else start, size - 1), 0)
    bound = torch.sym_max(end + size if end < 0 else end, -1)
    count = torch.sym_max(0, (first - bound - step - 1) // -step)
    lowest = first + step * (count - 1)
    rising = _sliced(value, axis, slice(lowest, lowest + (count - 1) * -step + 1, -step) if count else slice(0, 0))
    if isinstance(rising, Known):
        return Known(np.flip(rising.numbers, axis), rising.dtype)
    return torch.flip(rising, [axis])


def _sliced(value: Value, axis: int, part: slice) -> Value:
    place: Any = (*[slice(None)] * axis, part)
    if isinstance(value, Known):
        return Known(value.numbers[place], value.dtype)
    return value[place]


def gather(node: Node, value: Value, places: Value) -> Results:
    """Gather whole slices along `axis`; places may count from the end."""
    axis = axis_of(node.integer("axis", 0), value.ndim)
    if isinstance(places, Known):
        return _gather_known(value, axis, places)
    index: Any = (*[slice(None)] * axis, places)
    return as_tensor(value)[index]


def _gather_known(value: Value, axis: int, places: Known) -> Results:
    if isinstance(value, Known):
        taken: Any = np.take(value.numbers, places.numbers.astype(np.int64), axis)
        return Known(taken if isinstance(taken, np.ndarray) else objects(taken), value.dtype)
    if places.ndim == 0:
        return value.select(axis, as_number(places))
    flat = as_numbers(places)
    if places.ndim == 1 and flat and flat == list(range(flat[0], flat[0] + len(flat))) and flat[0] >= 0:
        return _sliced(value, axis, slice(flat[0], flat[0] + len(flat), 1))
    index: Any = (*[slice(None)] * axis, as_tensor(places))
    return value[index]


def counted_from_front(places: Tensor, size: Any) -> Tensor:
    """Places with negative ones counted from the end of an axis of this size."""
    return torch.where(places < 0, places + size, places)


def gather_elements(node: Node, value: Tensor, places: Tensor) -> Tensor:
    """GatherElements: one element per place along `axis`."""
    axis = axis_of(node.integer("axis", 0), value.ndim)
    return torch.gather(value, axis, counted_from_front(places, value.shape[axis]).to(torch.int64))


def index_of(places: Tensor, batch_axes: int) -> tuple[Tensor, ...]:
    """The tuple that indexes a tensor by the rows in the last axis of `places`."""
    rank = places.ndim - 1
    batches = [
        torch.arange(places.shape[axis], device=places.device).reshape(
            [-1 if other == axis else 1 for other in range(rank)]
        )
        for axis in range(batch_axes)
    ]
    return (*batches, *(places.select(-1, column) for column in range(int(places.shape[-1]))))


def gather_nd(node: Node, value: Tensor, places: Tensor) -> Tensor:
    """GatherND: the last axis of `places` is an index into the leading axes after the batch axes."""
    return value[index_of(places, node.integer("batch_dims", 0))]


def compress(node: Node, value: Tensor, chosen: Tensor) -> Tensor:
    """Compress: the slices (or elements, without an axis) where the condition holds."""
    if "axis" not in node.attributes:
        value, axis = value.reshape(-1), 0
    else:
        axis = axis_of(node.integer("axis", 0), value.ndim)
    places = torch.nonzero(chosen).reshape(-1)
    return torch.index_select(value, axis, places)


def nonzero(node: Node, value: Tensor) -> Tensor:
    """NonZero: one row per axis, one column per element that is not zero."""
    del node
    return torch.nonzero(value).t()


def one_hot(node: Node, places: Value, depth: Value, values: Value) -> Results:
    """OneHot: a place outside of [-depth, depth) is off everywhere."""
    count = as_number(depth)
    index = as_tensor(places)
    axis = axis_of(node.integer("axis", -1), index.ndim + 1)
    line = torch.arange(int(count), device=index.device).to(index.dtype)
    line = line.reshape([-1 if place == axis else 1 for place in range(index.ndim + 1)])
    hot = torch.eq(torch.where(index < 0, index + int(count), index).unsqueeze(axis), line)
    off, on = as_tensor(values).unbind(0)
    return torch.where(hot, on, off)


def reverse_sequence(node: Node, value: Value, lengths: Value) -> Results:
    """ReverseSequence: the first `length` steps of every row backwards, the rest as they are."""
    time, batch = node.integer("time_axis", 0), node.integer("batch_axis", 1)
    if isinstance(value, Known) and isinstance(lengths, Known):
        return _reversed_numbers(value, [int(length) for length in as_numbers(lengths)], time)
    tensor = as_tensor(value)
    steps = sizes_of(tensor)[time]
    if isinstance(lengths, Known) and all(_equal(length, steps) for length in as_numbers(lengths)):
        return torch.flip(tensor, [time])
    line = torch.arange(steps, device=tensor.device)
    line = line.reshape([-1 if axis == time else 1 for axis in range(tensor.ndim)])
    limits = as_tensor(lengths).reshape([-1 if axis == batch else 1 for axis in range(tensor.ndim)])
    places = torch.where(line < limits, limits - 1 - line, line)
    return torch.gather(tensor, time, places.expand(tensor.shape))


def _reversed_numbers(value: Known, lengths: list[int], time: int) -> Known:
    rows = np.moveaxis(value.numbers, time, 1).copy()  # time and batch are the first two axes, in either order
    for row, length in enumerate(lengths):
        rows[row, :length] = rows[row, :length][::-1]
    return Known(np.moveaxis(rows, 1, time), value.dtype)


def _equal(one: Any, other: Any) -> bool:
    return one is other or bool(one == other)


OPERATORS: dict[str, Operator] = {
    "Compress": on_tensors(compress),
    "Gather": gather,
    "GatherElements": on_tensors(gather_elements),
    "GatherND": on_tensors(gather_nd),
    "NonZero": on_tensors(nonzero),
    "OneHot": one_hot,
    "ReverseSequence": reverse_sequence,
    "Slice": cut,
}

"""Reductions along axes, running sums, and the largest elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graph import Node
from ..values import Known, Value, as_number, as_numbers, as_tensor, known
from .calling import Operator, Results, axis_of, on_tensors

Reduce = Callable[[Tensor, list[int], bool], Tensor]


def reduced(on_tensor: Reduce, on_numbers: Callable[[Any], Any] | None = None) -> Operator:
    """An operator over axes, which are an input since opset 18 (ReduceSum: 13), an attribute before."""

    def operator(node: Node, value: Value, axes: Value | None = None) -> Results:
        chosen = node.integers("axes") if axes is None else [int(axis) for axis in as_numbers(axes)]
        if not chosen:
            if node.integer("noop_with_empty_axes", 0):
                return value
            chosen = list(range(value.ndim))
        keep = bool(node.integer("keepdims", 1))
        places = sorted(axis_of(axis, value.ndim) for axis in chosen)
        if isinstance(value, Known) and on_numbers is not None and len(places) == value.ndim:
            return _reduced_numbers(value, on_numbers, keep=keep)
        return on_tensor(as_tensor(value), places, keep) if value.ndim else as_tensor(value)

    return operator


def _reduced_numbers(value: Known, function: Callable[[Any], Any], *, keep: bool) -> Known:
    result = function(as_numbers(value))
    if not keep or not value.ndim:
        return known(result, value.dtype)
    array = np.empty((1,) * value.ndim, dtype=object)
    array[(0,) * value.ndim] = result
    return known(array, value.dtype)


def _sum(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return torch.sum(value, axes, keep, dtype=value.dtype)


def _mean(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    if value.dtype.is_floating_point:
        return torch.mean(value, axes, keep)
    count = math.prod(value.shape[axis] for axis in axes)
    return torch.div(_sum(value, axes, keep), count, rounding_mode="trunc")


def _product(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    for axis in reversed(axes):
        value = torch.prod(value, axis, keep, dtype=value.dtype)
    return value


def _largest(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    if value.dtype == torch.bool:
        return torch.any(value, axes, keep)
    return torch.amax(value, axes, keep)


def _smallest(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    if value.dtype == torch.bool:
        return torch.all(value, axes, keep)
    return torch.amin(value, axes, keep)


def _log_of_exponents(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return torch.logsumexp(value, axes, keep)


def _of_absolutes(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return _sum(value.abs(), axes, keep)


def _of_squares(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return _sum(value * value, axes, keep)


def _root_of_squares(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return torch.sqrt(_of_squares(value, axes, keep))


def _log_of_sum(value: Tensor, axes: list[int], keep: bool) -> Tensor:  # noqa: FBT001 the form of Reduce
    return torch.log(_sum(value, axes, keep))


def place_of(function: Callable[..., Tensor]) -> Operator:
    """ArgMax and ArgMin: the first place, or the last with select_last_index=1."""

    def operator(node: Node, value: Tensor) -> Tensor:
        axis = axis_of(node.integer("axis", 0), value.ndim)
        keep = bool(node.integer("keepdims", 1))
        if not node.integer("select_last_index", 0):
            return function(value, axis, keep)
        backwards = function(torch.flip(value, [axis]), axis, keep)
        return value.shape[axis] - 1 - backwards

    return on_tensors(operator)


def running_sum(node: Node, value: Value, axis: Value) -> Results:
    """CumSum, exclusive of the element itself or not, from the front or from the end."""
    tensor = as_tensor(value)
    place = axis_of(as_number(axis), tensor.ndim)
    backwards = bool(node.integer("reverse", 0))
    line = torch.flip(tensor, [place]) if backwards else tensor
    if node.integer("exclusive", 0):
        shorter = line.narrow(place, 0, line.shape[place] - 1)
        line = torch.cat([torch.zeros_like(line.narrow(place, 0, 1)), shorter], place)
    total = torch.cumsum(line, place, dtype=tensor.dtype)
    return torch.flip(total, [place]) if backwards else total


def largest_elements(node: Node, value: Value, count: Value) -> Results:
    """TopK: of equal elements the one in front comes first, which only a stable sort promises."""
    tensor = as_tensor(value)
    axis = axis_of(node.integer("axis", -1), tensor.ndim)
    most = as_number(count)
    descending = bool(node.integer("largest", 1))
    ordered, places = torch.sort(tensor, dim=axis, descending=descending, stable=True)
    return ordered.narrow(axis, 0, most), places.narrow(axis, 0, most)


OPERATORS: dict[str, Operator] = {
    "ArgMax": place_of(torch.argmax),
    "ArgMin": place_of(torch.argmin),
    "CumSum": running_sum,
    "ReduceL1": reduced(_of_absolutes),
    "ReduceL2": reduced(_root_of_squares),
    "ReduceLogSum": reduced(_log_of_sum),
    "ReduceLogSumExp": reduced(_log_of_exponents),
    "ReduceMax": reduced(_largest, max),
    "ReduceMean": reduced(_mean),
    "ReduceMin": reduced(_smallest, min),
    "ReduceProd": reduced(_product, math.prod),
    "ReduceSum": reduced(_sum, sum),
    "ReduceSumSquare": reduced(_of_squares),
    "TopK": largest_elements,
}

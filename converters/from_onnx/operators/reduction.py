"""Reductions along axes, running sums, and the largest elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graph import Node
from ..values import Known, Value, as_number, as_numbers, as_tensor, known, sizes_of
from .calling import Operator, Results, axis_of, on_tensors

_LONGEST_RANKED = 512  # elements: comparing all pairs takes their square
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
    """TopK: of equal elements the one in front comes first, which torch.topk does not promise.

    A stable sort does, but ExecuTorch 1.5 has no kernel for it, so short axes are ranked by comparing all pairs.
    """
    tensor, most = as_tensor(value), as_number(count)
    axis = axis_of(node.integer("axis", -1), tensor.ndim)
    size, largest = sizes_of(tensor)[axis], bool(node.integer("largest", 1))
    if isinstance(size, int) and size <= _LONGEST_RANKED and isinstance(most, int):
        places = _ranked(torch.movedim(tensor, axis, -1), most, largest=largest)
        places = torch.movedim(places, -1, axis)
        return torch.gather(tensor, axis, places), places
    ordered, places = torch.sort(tensor, dim=axis, descending=largest, stable=True)
    return ordered.narrow(axis, 0, most), places.narrow(axis, 0, most)


def _ranked(tensor: Tensor, count: int, *, largest: bool) -> Tensor:
    """The places of the first `count` elements along the last axis, in order of size and then of place."""
    size = int(tensor.shape[-1])
    line = torch.arange(size, device=tensor.device)
    one, other = tensor.unsqueeze(-1), tensor.unsqueeze(-2)
    ahead = torch.gt(other, one) if largest else torch.lt(other, one)
    before = torch.logical_and(torch.eq(other, one), torch.lt(line.unsqueeze(0), line.unsqueeze(1)))
    rank = torch.sum(torch.logical_or(ahead, before), -1).unsqueeze(-2)
    chosen = torch.eq(rank, torch.arange(count, device=tensor.device).unsqueeze(1))
    return torch.sum(torch.where(chosen, line, torch.zeros_like(line)), -1)


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

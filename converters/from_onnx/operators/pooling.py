"""Pooling over windows and over everything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import ConversionError
from ..graph import Node
from .calling import Operator, on_tensors
from .windows import Window, pad_ends, window_of

_MAX: dict[int, Callable[..., Any]] = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE: dict[int, Callable[..., Tensor]] = {
    1: functional.avg_pool1d,
    2: functional.avg_pool2d,
    3: functional.avg_pool3d,
}


def pool_largest(node: Node, value: Tensor) -> Tensor | tuple[Tensor, ...]:
    """MaxPool, with the places of the maxima in the whole tensor when a second output asks for them."""
    window = _window(node, value)
    fits = window.symmetric and all(2 * pad <= size for pad, size in zip(window.before, window.kernel, strict=True))
    padding = window.before if fits else [0] * len(window.kernel)
    source = value if fits else pad_ends(value, window, _lowest(value.dtype))
    asks_places = len(node.outputs) > 1 and bool(node.outputs[1])
    result = _MAX[value.ndim - 2](
        source,
        window.kernel,
        window.stride,
        padding,
        window.dilation,
        ceil_mode=bool(node.integer("ceil_mode", 0)),
        return_indices=asks_places,
    )
    return (result[0], _places(node, value, source, result[1], window)) if asks_places else result


def _window(node: Node, value: Tensor) -> Window:
    return window_of(node, node.integers("kernel_shape") or [], list(value.shape[2:]))


def _lowest(dtype: torch.dtype) -> float:
    return -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _places(node: Node, value: Tensor, source: Tensor, flat: Tensor, window: Window) -> Tensor:
    """Places in a padded plane as places in the whole unpadded tensor (ONNX: MaxPool, Indices)."""
    if node.integer("storage_order", 0):
        raise ConversionError(
            f"MaxPool {node.name!r} numbers its maxima column by column (storage_order=1)",
            fix="leave storage_order at 0, or do not use the second output of MaxPool",
        )
    shift = window.before if source is not value else [0] * len(window.kernel)
    inside, factor, rest = torch.zeros_like(flat), 1, flat
    for axis in range(value.ndim - 1, 1, -1):
        size = source.shape[axis]
        inside = inside + (rest % size - shift[axis - 2]) * factor
        rest, factor = torch.div(rest, size, rounding_mode="floor"), factor * value.shape[axis]
    planes = torch.arange(value.shape[0] * value.shape[1], device=value.device) * factor
    return inside + planes.reshape(value.shape[0], value.shape[1], *[1] * (value.ndim - 2))


def pool_average(node: Node, value: Tensor) -> Tensor:
    """AveragePool; padding is counted only with count_include_pad=1."""
    window = _window(node, value)
    if any(gap != 1 for gap in window.dilation):
        raise ConversionError(
            f"AveragePool {node.name!r} has dilations {window.dilation}, and torch has no dilated average pool",
            fix="use a dilated depthwise convolution with equal weights instead",
        )
    counted, ceil = bool(node.integer("count_include_pad", 0)), bool(node.integer("ceil_mode", 0))
    pool = _AVERAGE[value.ndim - 2]
    if window.symmetric and all(2 * pad <= size for pad, size in zip(window.before, window.kernel, strict=True)):
        return pool(value, window.kernel, window.stride, window.before, ceil, count_include_pad=counted)
    average = pool(pad_ends(value, window, 0.0), window.kernel, window.stride, 0, ceil)
    if counted:
        return average
    ones = torch.ones((1, 1, *value.shape[2:]), dtype=value.dtype, device=value.device)
    return average / pool(pad_ends(ones, window, 0.0), window.kernel, window.stride, 0, ceil)


def _spatial(value: Tensor) -> list[int]:
    return list(range(2, value.ndim))


def average_all(node: Node, value: Tensor) -> Tensor:
    """GlobalAveragePool."""
    del node
    return value.mean(_spatial(value), keepdim=True)


def largest_of_all(node: Node, value: Tensor) -> Tensor:
    """GlobalMaxPool."""
    del node
    return torch.amax(value, _spatial(value), keepdim=True)


OPERATORS: dict[str, Operator] = {
    "AveragePool": on_tensors(pool_average),
    "GlobalAveragePool": on_tensors(average_all),
    "GlobalMaxPool": on_tensors(largest_of_all),
    "MaxPool": on_tensors(pool_largest),
}

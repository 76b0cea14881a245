"""Convolution and transposed convolution over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional

from ..graph import Node
from .calling import Operator, on_tensors
from .windows import pad_ends, window_of

_FORWARD: dict[int, Callable[..., Tensor]] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


def convolve(node: Node, value: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Conv: torch pads both ends alike, so uneven padding becomes a step of its own."""
    window = window_of(node, list(weight.shape[2:]), list(value.shape[2:]))
    padding = window.before
    if not window.symmetric:
        value = pad_ends(value, window, 0.0)
        padding = [0] * len(window.kernel)
    function = _FORWARD[weight.ndim - 2]
    return function(value, weight, bias, window.stride, padding, window.dilation, node.integer("group", 1))


def convolve_transposed(node: Node, value: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """ConvTranspose: padding crops the result; uneven cropping becomes a slice of the full result."""
    rank = weight.ndim - 2
    stride = node.integers("strides") or [1] * rank
    dilation = node.integers("dilations") or [1] * rank
    extra = node.integers("output_padding") or [0] * rank
    extents = [(int(weight.shape[2 + axis]) - 1) * dilation[axis] + 1 for axis in range(rank)]
    before, after = _cropping(node, list(value.shape[2:]), extents, stride, extra)
    function, group = _TRANSPOSED[rank], node.integer("group", 1)
    torch_can = all(0 <= pad < extent for pad, extent in zip(before, extents, strict=True))
    if torch_can and before == after and all(more < step for more, step in zip(extra, stride, strict=True)):
        return function(value, weight, bias, stride, before, extra, group, dilation)
    # What is missing at the end, beyond the full result, holds nothing but the bias, as output padding does.
    missing = [max(0, more - end) for more, end in zip(extra, after, strict=True)]
    full = function(value, weight, None, stride, 0, 0, group, dilation)
    ends = [more - end for more, end in zip(extra, after, strict=True)]
    full = _resized(full, before, ends, missing)
    return full if bias is None else full + bias.reshape([-1] + [1] * rank)


def _resized(full: Tensor, before: list[Any], ends: list[Any], missing: list[Any]) -> Tensor:
    pads: list[Any] = []
    for start, end, more in zip(reversed(before), reversed(ends), reversed(missing), strict=True):
        pads += [-start, more or end]
    return functional.pad(full, pads) if any(pad != 0 for pad in pads) else full


def _cropping(
    node: Node, sizes: list[Any], extents: list[int], stride: list[int], extra: list[int]
) -> tuple[list[Any], list[Any]]:
    """What is cut off at both ends (ONNX: ConvTranspose, pads, output_shape and auto_pad)."""
    rank = len(extents)
    mode, wanted = node.text("auto_pad", "NOTSET"), node.integers("output_shape")
    same = mode in {"SAME_UPPER", "SAME_LOWER"}
    if wanted is None and not same:
        pads = node.integers("pads") if mode == "NOTSET" else None
        pads = pads or [0] * (2 * rank)
        return pads[:rank], pads[rank:]
    # The full result has stride * (size - 1) + extra + extent elements; SAME wants stride * size of them.
    totals: list[Any] = [extent + more - step for extent, more, step in zip(extents, extra, stride, strict=True)]
    if wanted is not None:
        grown = [step * size for step, size in zip(stride, sizes, strict=True)]
        totals = [total + have - want for total, have, want in zip(totals, grown, wanted[-rank:], strict=True)]
    small = [total // 2 for total in totals]
    large = [total - half for total, half in zip(totals, small, strict=True)]
    return (small, large) if mode == "SAME_UPPER" else (large, small)


OPERATORS: dict[str, Operator] = {
    "Conv": on_tensors(convolve),
    "ConvTranspose": on_tensors(convolve_transposed),
}

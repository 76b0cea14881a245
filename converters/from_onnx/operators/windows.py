"""Sliding windows: kernel, stride, dilation and padding of convolutions and pools, per spatial axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..graph import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Sizes per spatial axis; `before` and `after` are the padding at the two ends."""

    kernel: list[int]
    stride: list[int]
    dilation: list[int]
    before: list[Any]
    after: list[Any]

    @property
    def symmetric(self) -> bool:
        """Whether both ends are padded alike, so that torch's own padding can do it."""
        return all(isinstance(size, int) and size >= 0 for size in self.before) and self.before == self.after

    @property
    def padded(self) -> bool:
        """Whether there is any padding."""
        return any(size != 0 for size in [*self.before, *self.after])


def window_of(node: Node, kernel: Sequence[int], sizes: Sequence[Any]) -> Window:
    """The window of a node over spatial `sizes`, its padding worked out for every auto_pad."""
    rank = len(kernel)
    stride = node.integers("strides") or [1] * rank
    dilation = node.integers("dilations") or [1] * rank
    pads = node.integers("pads") or [0] * (2 * rank)
    before: list[Any] = pads[:rank]
    after: list[Any] = pads[rank:]
    mode = node.text("auto_pad", "NOTSET")
    if mode == "VALID":
        before, after = [0] * rank, [0] * rank
    elif mode in {"SAME_UPPER", "SAME_LOWER"}:
        totals = [
            _same_padding(size, extent, step)
            for size, extent, step in zip(sizes, _extents(kernel, dilation), stride, strict=True)
        ]
        small = [total // 2 for total in totals]
        large = [total - half for total, half in zip(totals, small, strict=True)]
        before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    return Window(kernel=list(kernel), stride=stride, dilation=dilation, before=before, after=after)


def _extents(kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    return [(size - 1) * gap + 1 for size, gap in zip(kernel, dilation, strict=True)]


def _same_padding(size: Any, extent: int, step: int) -> Any:
    """Padding in all, so that ceil(size / step) windows fit (ONNX: Conv, auto_pad)."""
    if step == 1:
        return extent - 1  # whatever the size, so that a dynamic one leaves no arithmetic behind
    steps = (size + step - 1) // step
    return torch.sym_max(0, (steps - 1) * step + extent - size)


def pad_ends(value: Tensor, window: Window, fill: float) -> Tensor:
    """The value with both ends of every spatial axis padded by a constant."""
    pads: list[Any] = []
    for before, after in zip(reversed(window.before), reversed(window.after), strict=True):
        pads += [before, after]
    return functional.pad(value, pads, value=fill)

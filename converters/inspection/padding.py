"""How many zeros stand around what a convolution reads: by TensorFlow's SAME, and by paddings on the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .variants import Pads

Key = TypeVar("Key")
_MOST_STEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[Key]):
    """An operator that only pads or turns a tensor: what it is given, its zeros along every axis, or the new order."""

    given: Key
    pads: Pads = ()
    order: tuple[int, ...] = ()


def same_pads(sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Pads:
    """The zeros that TensorFlow's SAME puts around an input of these sizes: the odd one stands behind."""
    totals = [
        max((-(-size // step) - 1) * step + (width - 1) * apart + 1 - size, 0)
        for size, width, step, apart in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    return tuple((total // 2, total - total // 2) for total in totals)


def zeros_before(tensor: Key, step_of: Callable[[Key], Step[Key] | None], axes: tuple[int, ...]) -> Pads:
    """The zeros that the steps which lead to a tensor have put along its `axes`; None is for any other operator."""
    found = [(0, 0) for _ in axes]
    for _ in range(_MOST_STEPS):
        step = step_of(tensor)
        if step is None:
            break
        if len(step.pads) > max(axes):
            found = [(a + step.pads[axis][0], b + step.pads[axis][1]) for (a, b), axis in zip(found, axes, strict=True)]
        if len(step.order) > max(axes):
            axes = tuple(step.order[axis] for axis in axes)
        tensor = step.given
    return tuple(found)


def sum_of(own: Pads, before: Pads) -> Pads:
    """A window's own zeros and those that were there already."""
    return tuple((a + c, b + d) for (a, b), (c, d) in zip(own, before, strict=True))

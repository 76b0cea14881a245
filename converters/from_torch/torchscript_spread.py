"""Transposed convolutions as ordinary ones, whose result is put together from the places between the steps.

torch's engines have no transposed convolution with a scale for each channel
(https://github.com/pytorch/pytorch/issues/54816), and oneDNN's with one scale gives other numbers. With a stride of s,
every s-th place of the result comes from the same weights: one convolution gives all of them as channels, and those
move between each other's places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, prod
from typing import Any

import torch
from torch import fx

# Groups, stride, channels of a group, and what is cut off at both ends of each axis (as F.pad takes it).
Places = tuple[int, tuple[int, ...], int, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreading:
    """A transposed convolution along each axis, and the ordinary one that stands for it."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    kernel: tuple[int, ...]

    @property
    def taps(self) -> tuple[int, ...]:
        """The ordinary one's kernel: how many inputs meet in one place."""
        return tuple(ceil(size / step) for size, step in zip(self.kernel, self.stride, strict=True))

    @property
    def pads(self) -> tuple[int, ...]:
        """What the ordinary convolution's input is padded with, as F.pad takes it."""
        both = zip(self.taps, self._extra, strict=True)
        return tuple(chain.from_iterable((taps - 1, taps - 1 + extra) for taps, extra in reversed(list(both))))

    def places(self, outputs: int) -> Places:
        """How the result is put together from that many channels of each group."""
        axes = zip(self.stride, self.padding, self.output_padding, self.kernel, self.taps, self._extra, strict=True)
        cuts = [
            (-padding, size + more - padding - (taps + extra) * step) for step, padding, more, size, taps, extra in axes
        ]
        return self.groups, self.stride, outputs, tuple(chain.from_iterable(reversed(cuts)))

    @property
    def _extra(self) -> tuple[int, ...]:
        """Steps behind the last input that output_padding reaches into."""
        axes = zip(self.stride, self.padding, self.output_padding, self.kernel, self.taps, strict=True)
        return tuple(max(0, ceil((size + more - padding) / step) - taps) for step, padding, more, size, taps in axes)


def spreading_of(node: fx.Node, kernel: Sequence[int]) -> Spreading | None:
    """What a transposed convolution does; None for one with holes in its kernel."""
    given: list[Any] = [1, 0, 0, 1, 1]
    given[: len(node.args[3:])] = node.args[3:]
    rank = len(kernel)
    stride, padding, output_padding, dilation = (_each(given[place], rank) for place in (0, 1, 2, 4))
    if any(hole != 1 for hole in dilation):
        return None
    return Spreading(
        stride=stride, padding=padding, output_padding=output_padding, groups=given[3], kernel=tuple(kernel)
    )


def spread_weights(integers: torch.Tensor, spreading: Spreading) -> torch.Tensor:
    """(input, output, kernel) as (groups, places, output; input; taps), those channels in one axis."""
    rank, groups = len(spreading.kernel), spreading.groups
    sizes = list(zip(spreading.taps, spreading.stride, strict=True))
    missing = [(0, taps * step - size) for (taps, step), size in zip(sizes, spreading.kernel, strict=True)]
    whole = torch.constant_pad_nd(integers, list(chain.from_iterable(reversed(missing))), 0)
    inputs, outputs = integers.shape[:2]
    split = whole.reshape(groups, inputs // groups, outputs, *chain.from_iterable(sizes))
    taps, steps = range(3, 3 + 2 * rank, 2), range(4, 4 + 2 * rank, 2)
    turned = split.permute(0, *steps, 2, 1, *taps).flatten(0, rank + 1)
    return turned.flip(tuple(range(2, 2 + rank))).contiguous()


def spread_channels(values: torch.Tensor, spreading: Spreading, outputs: int) -> torch.Tensor:
    """What the `outputs` of a group have, alike in all groups or one after the other, for each of their places."""
    each = values.reshape(-1, 1, outputs)
    return each.expand(spreading.groups, prod(spreading.stride), outputs).reshape(-1).contiguous()


def interleaved(value: torch.Tensor, places: Places) -> torch.Tensor:
    """The channels that stand for places, in their places."""
    groups, stride, channels, cuts = places
    rank = len(stride)
    split = value.unflatten(1, (groups, *stride, channels))
    # (batch, groups, places ..., channels, axes ...) to (batch, groups, channels, axis, place ...)
    pairs = ((rank + 3 + axis, 2 + axis) for axis in range(rank))
    moved = split.permute(0, 1, rank + 2, *chain.from_iterable(pairs)).flatten(1, 2)
    for axis in range(2, rank + 2):
        moved = moved.flatten(axis, axis + 1)
    return torch.constant_pad_nd(moved, list(cuts), 0.0) if any(cuts) else moved


def _each(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value) * (rank // len(value))

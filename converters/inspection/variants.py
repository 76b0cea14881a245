"""Operators that frameworks and formats compute in more than one way, as a source or an artifact has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of an image that is resized: its sizes, and how many new pixels an old one takes (None: their ratio)."""

    before: int
    after: int
    scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """A resize: `mode` is nearest, linear or cubic, `rule` half-pixel, align-corners or asymmetric.

    `rounding` (of nearest) is floor, ceil, half-up or half-down, `coefficient` that of a cubic. `axes` are known of
    sources, without open sizes; `scales` are what an artifact stores instead of a size, for every axis of the tensor.
    """

    mode: str
    rule: str
    rounding: str = "floor"
    antialias: bool = False
    coefficient: float | None = None
    axes: tuple[Axis, ...] = ()
    scales: tuple[float, ...] | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A convolution's window along its axes, with all the zeros before and behind: its own, and a padding's before it.

    `pads` is None where they follow the size of the input.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads | None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gelu:
    """A GELU: `curve` is "erf" or "tanh"."""

    curve: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """What was found. `curves` names erf and tanh where they are computed outside of a GELU.

    `wide` are the places of int64 constants that 32 bits do not hold; sources alone have them.
    """

    resizes: tuple[Resize, ...] = ()
    windows: tuple[Window, ...] = ()
    gelus: tuple[Gelu, ...] = ()
    curves: frozenset[str] = frozenset()
    wide: tuple[str, ...] = ()


def together(parts: Iterable[Variants]) -> Variants:
    """What several parts of a model have, as one."""
    listed = tuple(parts)
    return Variants(
        resizes=tuple(each for part in listed for each in part.resizes),
        windows=tuple(each for part in listed for each in part.windows),
        gelus=tuple(each for part in listed for each in part.gelus),
        curves=frozenset(each for part in listed for each in part.curves),
        wide=tuple(each for part in listed for each in part.wide),
    )

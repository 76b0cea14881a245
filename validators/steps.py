"""Distances on the way from a source to what an artifact gave: step by step, and from one target to another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step between the source and what was judged: its error at the output where it is largest.

    `ratio` is in the `unit` that it is given in; `exceeds` says that it is more than a correct step makes.
    """

    start: str
    end: str
    output: str
    ratio: float
    unit: str
    exceeds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What one artifact gave on a target beside what it gave on the host, over the calls that both ran.

    `different` of `elements` are not equal; `max_abs` is the largest difference (None if it is infinite or NaN),
    `steps` the same in steps of the output's own scale, where there is one, and `noise_ratio` as a multiple of the
    noise floor of a largest element.
    """

    max_abs: float | None
    different: int
    elements: int
    steps: float | None = None
    noise_ratio: float | None = None

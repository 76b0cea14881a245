"""Closed loops: in a sequence of calls a model is given, as its state, what it gave itself one call before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """The calls from `start` on are a sequence; `state` maps each input that carries state to the output it comes from.

    The first call of the sequence has the state that stands in it.
    """

    start: int
    state: dict[str, str]

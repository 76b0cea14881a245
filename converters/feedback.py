"""Closed loops: in a sequence of calls a model is given, as its state, what it gave itself one call before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .tensors import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """The calls from `start` on are a sequence; `state` maps each input that carries state to the output it comes from.

    The first call of the sequence has the state that stands in it.
    """

    start: int
    state: dict[str, str]


class Loop:
    """Replaces the state in the calls of a sequence by what the model gave last."""

    def __init__(self, feedback: Feedback | None) -> None:
        self._feedback = feedback
        self._state: Call = {}

    def calls(self, calls: Iterable[Call]) -> Iterator[Call]:
        """The calls in order, each with the state that was kept by the time it is asked for."""
        for index, call in enumerate(calls):
            inside = self._feedback is not None and index > self._feedback.start
            yield {**call, **self._state} if inside else call

    def keep(self, outputs: Call) -> Call:
        """Remember the state among the outputs of a call, and hand them on."""
        if self._feedback is not None:
            self._state = {given: outputs[taken] for given, taken in self._feedback.state.items() if taken in outputs}
        return outputs

"""Runs a sequence of calls in a closed loop: the state that a model gave takes the place of the stored one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .feedback import Feedback
from .tensors import Call


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

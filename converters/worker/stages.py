"""Names the stage a job is in (import, load, export, lower, run) and measures each."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

Listener = Callable[[str], None]


class StageClock:
    """Wall seconds per stage of one job; time in a nested stage counts for the inner one only."""

    def __init__(self, listener: Listener) -> None:
        self.seconds: dict[str, float] = {}
        self._listener = listener
        self._stack: list[str] = []
        self._since = time.perf_counter()

    def enter(self, name: str) -> None:
        """Start a stage."""
        self._book()
        self._stack.append(name)
        self._listener(name)

    def leave(self) -> None:
        """End the innermost stage."""
        self._book()
        self._stack.pop()

    def _book(self) -> None:
        now = time.perf_counter()
        if self._stack:
            name = self._stack[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now


def _ignore(_name: str) -> None:
    """Outside a worker nobody listens."""


_clock = StageClock(_ignore)


def start_clock(listener: Listener) -> StageClock:
    """Begin a job: a new clock that tells `listener` each stage."""
    global _clock  # noqa: PLW0603  (one job at a time per worker process)
    _clock = StageClock(listener)
    return _clock


@contextmanager
def stage(name: str) -> Generator[None]:
    """Everything inside the block is the stage `name`."""
    clock = _clock
    clock.enter(name)
    try:
        yield
    finally:
        clock.leave()

"""Progress on stderr: one live line per job on a terminal, one plain line per event elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ..converters.worker.pool import Progress
from ..validators.reports.wording import size
from ..validators.request import Timing
from .invocation import QUIET, VERBOSE

Listener = Callable[[Progress], None]
_REFRESHES_PER_SECOND = 8
_ENDS = ("done", "failed")


@contextmanager
def shown_progress(verbosity: int) -> Generator[Listener, None, None]:
    """A listener whose events are shown while the block runs; with -q nothing is."""
    if verbosity <= QUIET:
        yield lambda _event: None
    elif sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        board = JobBoard(ascii_only=not console.encoding.startswith("utf"))
        with Live(board, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True):
            yield board.hear
    else:
        yield PlainLines(verbose=verbosity >= VERBOSE).hear


def write_timings(timings: tuple[Timing, ...]) -> None:
    """Where the time went, one line per job, on stderr."""
    for timing in timings:
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in timing.stages.items())
        peak = f", {size(timing.peak_bytes)} at most" if timing.peak_bytes else ""
        sys.stderr.write(f"{timing.wall_seconds:7.1f} s  {timing.title}: {stages or 'no stages'}{peak}\n")


@dataclass(slots=True)
class _Job:
    stage: str
    started: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class JobBoard:
    """The live view: rich asks it for a table at every refresh."""

    ascii_only: bool = False
    clock: Callable[[], float] = time.monotonic
    _jobs: dict[str, _Job] = field(default_factory=dict[str, _Job])
    _spinner: Spinner | None = None

    def hear(self, event: Progress) -> None:
        """Take an event."""
        job = self._jobs.setdefault(event.title, _Job(stage=event.stage))
        now = self.clock()
        if event.stage == "queued":
            self._jobs[event.title] = _Job(stage="queued")
            return
        if job.started is None:
            job.started = now
        if event.stage in _ENDS:
            job.ended = now
        job.stage = event.stage

    def __rich__(self) -> Table:
        """The table as it is now."""
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for title, job in list(self._jobs.items()):
            table.add_row(self._mark(job), title, Text(job.stage, style=_stage_style(job)), self._elapsed(job))
        return table

    def _mark(self, job: _Job) -> Text | Spinner:
        if job.stage == "done":
            return Text("+" if self.ascii_only else "✓", style="green")
        if job.stage == "failed":
            return Text("x" if self.ascii_only else "✗", style="red")
        if job.started is None:
            return Text(" ")
        if self._spinner is None:
            self._spinner = Spinner("line" if self.ascii_only else "dots")
        return self._spinner

    def _elapsed(self, job: _Job) -> str:
        if job.started is None:
            return ""
        return f"{(job.ended if job.ended is not None else self.clock()) - job.started:.1f} s"


def _stage_style(job: _Job) -> str:
    if job.stage == "failed":
        return "red"
    return "dim" if job.started is None or job.ended is not None else ""


class PlainLines:
    """The view for logs: seconds since the start, the job, and what it does now, once for each change."""

    def __init__(self, *, verbose: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._verbose = verbose
        self._clock = clock
        self._start = clock()
        self._stages: dict[str, str] = {}

    def hear(self, event: Progress) -> None:
        """Write one line; that a job waits is only said with -v."""
        if self._stages.get(event.title) == event.stage or (event.stage == "queued" and not self._verbose):
            return
        self._stages[event.title] = event.stage
        sys.stderr.write(f"{self._clock() - self._start:7.1f} s  {event.title}: {event.stage}\n")
        sys.stderr.flush()

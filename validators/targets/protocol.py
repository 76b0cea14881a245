"""What every target is: a place where artifacts run, asked in a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ...converters.errors import NotRunnable
from ...converters.job import RunJob, RunResult


class Target(Protocol):
    """A place beside the host; made by name, in the command-line process and again in a worker."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether it emulates: then only some calls run, and seconds mean nothing."""
        ...

    @property
    def needs_network(self) -> bool:
        """Whether a worker must keep the network to reach it."""
        ...

    def unavailable(self, format_name: str) -> NotRunnable | None:
        """Why artifacts of a format cannot run there, as far as that shows without trying; None if they can."""
        ...

    def run(self, job: RunJob, *, entry: str, scratch: Path) -> RunResult:
        """Run an artifact there, with the runner `entry` of its format; outputs are in `job.outputs` afterwards.

        Raises LoadError, RunError or NotRunnable.
        """
        ...

"""What one run of the program knows about itself: how much it should say."""

from __future__ import annotations

from dataclasses import dataclass

import click

QUIET, NORMAL, VERBOSE, DEBUG = -1, 0, 1, 2


@dataclass(slots=True)
class Invocation:
    """`verbosity` is -1 for -q, 0, 1 for -v, 2 for -vv (which shows tracebacks of our own bugs)."""

    verbosity: int = NORMAL


def verbosity_of(context: click.Context) -> int:
    """The verbosity of the run that a command belongs to."""
    found = context.find_object(Invocation)
    return found.verbosity if found else NORMAL

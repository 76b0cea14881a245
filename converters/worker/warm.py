"""Imports and loads what later jobs will need, while the worker would otherwise wait."""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass

from ..errors import EdgeproofError
from ..source import Source
from .stages import stage


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmJob:
    """The entries ("package.module:function") whose modules to import.

    `opener` is the function that loads `source` and keeps it for the jobs after this one; None loads nothing.
    """

    entries: tuple[str, ...]
    opener: str | None = None
    source: Source | None = None


def warm(job: WarmJob) -> tuple[str, ...]:
    """Import the entries' modules and load the source; returns the modules' names."""
    modules = tuple(entry.partition(":")[0] for entry in job.entries)
    for name in modules:
        importlib.import_module(name)
    if job.opener is not None:
        module, _, function = job.opener.partition(":")
        opener = getattr(importlib.import_module(module), function)
        # A source that cannot be opened is reported by the job that is about it.
        with stage("load"), contextlib.suppress(EdgeproofError):
            opener(job.source)
    return modules

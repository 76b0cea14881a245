"""Imports what later jobs will need, while the worker would otherwise wait."""

from __future__ import annotations

import importlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmJob:
    """The entries ("package.module:function") whose modules to import."""

    entries: tuple[str, ...]


def warm(job: WarmJob) -> tuple[str, ...]:
    """Import the entries' modules; returns their names."""
    modules = tuple(entry.partition(":")[0] for entry in job.entries)
    for name in modules:
        importlib.import_module(name)
    return modules

"""The task of running an artifact on a target."""

from __future__ import annotations

from pathlib import Path

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import NotRunnable
from ..converters.job import RunJob, RunResult
from ..converters.worker.pool import Task
from .golden import Golden

_CHEAP = 0.5


def run_task(artifact: Artifact, target: str, *, golden: Golden, outputs: Path) -> Task[RunResult]:
    """Run `artifact` on the stored calls; raises NotRunnable if nothing here can."""
    if target != "host":
        raise NotRunnable(f"there is no target {target!r}", fix="choose from: host")
    row = registry.runners().get(artifact.format)
    if row is None:
        raise NotRunnable(f"nothing here runs {artifact.format!r}", fix="install the plug-in that made it")
    if row.missing:
        raise not_installed(row.missing, f"running {row.format}", row.extra)
    return Task(
        title=f"run {artifact.format} {artifact.precision}",
        entry=row.entry,
        job=RunJob(artifact=artifact, calls=str(golden.calls), outputs=str(outputs), feedback=golden.feedback),
        result=RunResult,
        stack=row.stack,
        cost=_CHEAP,
        warmth=row.warmth,
        sticky=row.warmth != "",
    )


def not_installed(modules: tuple[str, ...], what: str, extra: str) -> NotRunnable:
    """The error for modules that are not there, with the command that brings them."""
    return NotRunnable(
        f"{what} needs {', '.join(modules)}, which {'is' if len(modules) == 1 else 'are'} not installed",
        fix=f'pip install "edgeproof[{extra}]"',
    )

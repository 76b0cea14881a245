"""The task of running an artifact on a target."""

from __future__ import annotations

from pathlib import Path

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import NotRunnable
from ..converters.job import RunJob, RunResult
from ..converters.micro_backends import micro_backend
from ..converters.worker.pool import Task
from ..converters.worker.stacks import Stack
from .golden import Golden
from .micro import micro_run_task
from .targets.job import TargetJob
from .targets.known import is_host, target_named
from .targets.places import targets_folder

_CHEAP = 0.5


def run_task(artifact: Artifact, target: str, *, golden: Golden, outputs: Path) -> Task[RunResult]:
    """Run `artifact` on the stored calls; raises NotRunnable if nothing here can."""
    if micro_backend(artifact.backend) is not None:
        return micro_run_task(artifact, target, golden=golden, outputs=outputs)
    row = registry.runners().get(artifact.format)
    if row is None:
        raise NotRunnable(f"nothing here runs {artifact.format!r}", fix="install the plug-in that made it")
    job = RunJob(artifact=artifact, calls=str(golden.calls), outputs=str(outputs), feedback=golden.feedback)
    title = f"run {artifact.format} {artifact.precision}"
    if not is_host(target):
        return _task_elsewhere(f"{title} on {target}", job, target, entry=row.entry, real=golden.real)
    if row.missing:
        raise not_installed(row.missing, f"running {row.format}", row.extra)
    return Task(
        title=title,
        entry=row.entry,
        job=job,
        result=RunResult,
        stack=row.stack,
        cost=_CHEAP,
        warmth=row.warmth,
        sticky=row.warmth != "",
    )


def _task_elsewhere(title: str, job: RunJob, name: str, *, entry: str, real: int) -> Task[RunResult]:
    """Run it on a target beside the host; raises NotRunnable if that shows to be impossible without trying."""
    folder = targets_folder()
    target = target_named(name, folder=folder)
    why = target.unavailable(job.artifact.format)
    if why is not None:
        raise why
    return Task(
        title=title,
        entry="edgeproof.validators.targets.run:run",
        job=TargetJob(run=job, target=name, entry=entry, folder=str(folder), real=real),
        result=RunResult,
        stack=Stack.RUNTIMES,
        cost=_CHEAP,
        confined=not target.needs_network,
    )


def not_installed(modules: tuple[str, ...], what: str, extra: str) -> NotRunnable:
    """The error for modules that are not there, with the command that brings them."""
    return NotRunnable(
        f"{what} needs {', '.join(modules)}, which {'is' if len(modules) == 1 else 'are'} not installed",
        fix=f'pip install "edgeproof[{extra}]"',
    )

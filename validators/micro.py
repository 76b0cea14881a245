"""What a run does differently for the micro edge: which formats and precisions, and who computes for the processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..converters.artifact import Artifact
from ..converters.errors import NotRunnable, UsageError
from ..converters.job import RunJob, RunResult, SimulateArtifactJob
from ..converters.micro_backends import micro_backend
from ..converters.precision import Precision
from ..converters.registry_micro import MICRO_CONVERTERS
from ..converters.worker.pool import Task
from ..converters.worker.stacks import Stack
from .golden import Golden
from .request import Request
from .targets.known import is_host
from .targets.micro import missing_for, site_of

_RUNNERS = "edgeproof.validators.runners"
_CHEAP = 0.5
_SIMULATING = 3.0


def require_micro(request: Request) -> None:
    """Raise UsageError where a micro-edge backend is asked for in formats or precisions that it is not made in."""
    backend = micro_backend(request.backend)
    if backend is None:
        return
    rows = [row for row in MICRO_CONVERTERS if backend.name in row.backends]
    fitting = [row for row in rows if row.origin == str(request.source.framework)]
    if not fitting:
        raise UsageError(
            f"artifacts for {backend.name} are made from PyTorch and Keras models, not from {request.source.framework}",
            fix="leave --backend out",
        )
    able = {str(row.format): row.precisions for row in fitting}
    foreign = [name for name in request.formats if name not in able]
    if foreign:
        raise UsageError(
            f"{', '.join(foreign)} artifacts are not made for {backend.name}", fix=f"--to {','.join(able)}"
        )
    precisions = dict.fromkeys(precision for known in able.values() for precision in known)
    wrong = [str(precision) for precision in request.precisions if precision not in (Precision.INT8, *precisions)]
    if wrong:
        raise UsageError(
            f"artifacts for {backend.name} compute in 8 bits, and {', '.join(wrong)} was asked",
            fix=f"--precision {Precision.INT8} --calibration FILE",
        )


def with_micro_precisions(request: Request) -> Request:
    """The request with `int8` understood as each format has it for a micro-edge backend.

    LiteRT's integers go through to the ends there: `int8-full`.
    """
    backend = micro_backend(request.backend)
    if backend is None or Precision.INT8 not in request.precisions:
        return request
    rows = [row for row in MICRO_CONVERTERS if backend.name in row.backends and row.format in request.formats]
    meant = dict.fromkeys(precision for row in rows for precision in row.precisions)
    if not meant:
        return request
    others = [each for each in request.precisions if each is not Precision.INT8]
    return replace(request, precisions=tuple(dict.fromkeys((*meant, *others))))


def is_had_otherwise(request: Request, format_name: str) -> bool:
    """Whether a format that does not have one of the precisions has another that stands for `int8`."""
    if micro_backend(request.backend) is None:
        return False
    known = {each for row in MICRO_CONVERTERS if row.format == format_name for each in row.precisions}
    return bool(known & set(request.precisions))


def micro_run_task(artifact: Artifact, target: str, *, golden: Golden, outputs: Path) -> Task[RunResult]:
    """Run `artifact` in place of its processor; raises NotRunnable on other targets, or without the tools."""
    if not is_host(target):
        raise NotRunnable(
            f"programs for {artifact.backend} are judged on this machine by what defines them, and {target} has no "
            f"{artifact.backend}",
            fix="--on host",
        )
    _require_tools()
    job = RunJob(artifact=artifact, calls=str(golden.calls), outputs=str(outputs), feedback=golden.feedback)
    return Task(
        title=f"run {artifact.format} {artifact.precision}",
        entry=f"{_RUNNERS}.micro_{artifact.format}:run",
        job=job,
        result=RunResult,
        stack=Stack.MICRO,
        cost=_CHEAP,
        site=site_of(Stack.MICRO),
    )


def own_simulation_task(artifact: Artifact, *, golden: Golden, entry: str) -> Task[RunResult]:
    """Run the program that a backend's own quantiser made; raises NotRunnable without the tools."""
    _require_tools()
    outputs = golden.simulation(artifact.precision, artifact.format)
    job = SimulateArtifactJob(
        artifact=artifact, calls=str(golden.calls), outputs=str(outputs), feedback=golden.feedback
    )
    return Task(
        title=f"simulation {artifact.format} {artifact.precision}",
        entry=entry,
        job=job,
        result=RunResult,
        stack=Stack.MICRO,
        cost=_SIMULATING,
        site=site_of(Stack.MICRO),
    )


def simulator_of(artifact: Artifact) -> str:
    """What runs the program of an artifact that a backend quantised by itself; empty for others."""
    if artifact.backend_recipe is None:
        return ""
    rows = [row for row in MICRO_CONVERTERS if row.format == artifact.format and row.simulator]
    return rows[0].simulator if rows else ""


def _require_tools() -> None:
    missing = missing_for(Stack.MICRO)
    if missing is not None:
        raise missing

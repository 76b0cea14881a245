"""What a worker does with one case: what the command line does before it starts workers, and `inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeproof.converters.errors import EdgeproofError
from edgeproof.converters.inspection import inspect as inspection
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class LookJob:
    """A case; `inspect` is false where inspecting would start a worker of its own."""

    path: str
    model: str | None
    inputs: tuple[str, ...]
    inspect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One of our own errors."""

    code: int
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of inspecting, and of naming it as a source: each an error, or none."""

    inspected: Refusal | None
    resolved: Refusal | None
    source: Source | None


def look(job: LookJob) -> Looked:
    """Inspect and resolve; whatever is raised that is no error of ours goes through, and counts as a traceback."""
    source: Source | None = None
    resolved: Refusal | None = None
    try:
        source = resolve(job.path, model=job.model, inputs=job.inputs)
    except EdgeproofError as error:
        resolved = _refusal(error)
    return Looked(inspected=_inspected(job) if job.inspect else None, resolved=resolved, source=source)


def _inspected(job: LookJob) -> Refusal | None:
    try:
        inspection.inspect_path(Path(job.path))
    except EdgeproofError as error:
        return _refusal(error)
    return None


def _refusal(error: EdgeproofError) -> Refusal:
    return Refusal(code=error.exit_code, message=error.message, fix=error.fix)

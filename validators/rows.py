"""Rows of a report for artifacts that were not, or could not be, compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, LoadError, NotRunnable
from ..converters.job import RunResult
from ..converters.manifest import file_sha256
from ..converters.worker.pool import Finished
from .parity import ParityRow, Status


def row_of(artifact: Artifact, target: str, status: Status) -> ParityRow:
    """What can be said of an artifact without running it."""
    return ParityRow(
        file=Path(artifact.file).name,
        format=artifact.format,
        precision=str(artifact.precision),
        target=target,
        status=status,
        backend=artifact.backend,
        sha256=artifact.sha256,
        bytes=artifact.bytes,
        notes=artifact.notes,
        made_by=artifact.made_by,
        estimate=artifact.estimate,
    )


def with_error(row: ParityRow, error: EdgeproofError) -> ParityRow:
    """The row with an error's message, fix, log and exit code."""
    return replace(
        row, reason=error.message, fix=error.fix, log=error.log, code=type(error).__name__, exit_code=error.exit_code
    )


def failed_run(artifact: Artifact, target: str, finished: Finished[RunResult]) -> ParityRow:
    """The row of an artifact that could not be opened, broke while it ran, or whose target cannot run it."""
    match finished.error:
        case NotRunnable():
            status = Status.NOT_RUN
        case LoadError():
            status = Status.LOAD_FAIL
        case _:
            status = Status.RUN_FAIL
    row = row_of(artifact, target, status)
    return with_error(row, finished.error) if finished.error else row


def changed_row(artifact: Artifact, target: str) -> ParityRow | None:
    """A FAIL if the file is missing or is not the one that the manifest names; None if it is."""
    path = Path(artifact.file)
    files = {path: artifact.sha256, **{path.with_name(each.file): each.sha256 for each in artifact.companions}}
    reason = next((why for file, sha256 in files.items() if (why := _changed(file, sha256))), "")
    if not reason:
        return None
    row = row_of(artifact, target, Status.FAIL)
    return replace(row, reason=reason, fix="convert again, or restore the file", code="changed-file")


def _changed(path: Path, sha256: str) -> str:
    """Why a file is not the one that was made; empty if it is."""
    if not path.exists():
        return f"{path.name} is missing, though the manifest names it"
    if file_sha256(path) != sha256:
        return f"{path.name} is not the file that was made: its SHA-256 differs from the manifest's"
    return ""

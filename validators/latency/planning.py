"""What is measured: the artifacts of a folder, each with what is known of it, and the stored calls to measure on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ...converters.artifact import Artifact
from ...converters.errors import InputError
from ...converters.manifest import ArtifactRecord, Manifest
from ...converters.precision import Precision
from ...converters.tensors import Call, read_calls
from ..golden import FOLDER
from ..parity import ParityReport, ParityRow, Status

_CALLS = 8
_FIX = "name a folder that `edgeproof convert` wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An artifact that is measured, and what its manifest and parity.json say about it."""

    record: ArtifactRecord
    artifact: Artifact
    sqnr_db: float | None = None
    parity: Status | None = None

    @property
    def group(self) -> tuple[str, str]:
        """Format and backend: what is compared with each other."""
        return self.record.format, self.record.backend

    @property
    def integer_share(self) -> float | None:
        """The share of multiply-accumulates in integer kernels, where it was proved."""
        execution = self.record.execution
        return execution.integer_macs / execution.macs if execution and execution.macs else None


def candidates_of(
    made: Manifest, folder: Path, parity: ParityReport | None, *, only: str | None = None
) -> tuple[Candidate, ...]:
    """The artifacts in the manifest's order; with `only` that one, and its format's fp32 to hold it against.

    Raises InputError if there are none.
    """
    chosen = [record for record in made.artifacts if only is None or record.file == only]
    if not chosen:
        what = "lists no artifact" if only is None else f"does not list {only}"
        raise InputError(f"the manifest of {folder} {what}: there is nothing to measure", fix=_FIX)
    wanted = {record.file for record in chosen} | {record.file for record in made.artifacts if _is_base(record, chosen)}
    judged = {row.file: row for row in parity.results} if parity else {}
    return tuple(
        _candidate(record, folder, judged.get(record.file)) for record in made.artifacts if record.file in wanted
    )


def _is_base(record: ArtifactRecord, of: Sequence[ArtifactRecord]) -> bool:
    groups = {(other.format, other.backend) for other in of}
    return record.precision is Precision.FP32 and (record.format, record.backend) in groups


def _candidate(record: ArtifactRecord, folder: Path, row: ParityRow | None) -> Candidate:
    ratios = [output.sqnr_db for output in row.outputs if output.sqnr_db is not None] if row else []
    return Candidate(
        record=record,
        artifact=record.in_folder(folder),
        sqnr_db=min(ratios, default=None),
        parity=row.status if row else None,
    )


def stored_calls(folder: Path, *, real: int) -> list[Call]:
    """The first calls of the samples that have the first one's shapes: others would take another time.

    Of `real` calls a few are taken, of generated ones the first, which is the example. Raises InputError.
    """
    path = folder / FOLDER / "samples.npz"
    if not path.exists():
        raise InputError(
            f"{path} is missing: there is nothing to measure on",
            fix="convert again without --no-verify, which stores it",
        )
    try:
        calls = list(islice(_alike(islice(read_calls(path), max(1, real))), _CALLS))
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read: {error}", fix="convert again") from error
    if not calls:
        raise InputError(f"{path} holds no calls: there is nothing to measure on", fix="convert again")
    return calls


def _alike(calls: Iterator[Call]) -> Iterator[Call]:
    first: dict[str, tuple[int, ...]] | None = None
    for call in calls:
        shapes = {name: array.shape for name, array in call.items()}
        first = shapes if first is None else first
        if shapes == first:
            yield call

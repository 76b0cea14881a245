"""Writes an artifact's bytes to its place in one step and says what was written."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .artifact import Artifact
from .job import ConvertJob
from .quantization.execution import Execution
from .signature import Signature
from .writing import write_atomically


def finish(  # noqa: PLR0913 (the facts of an artifact, keyword-only)
    job: ConvertJob,
    payload: bytes,
    *,
    backend: str,
    route: tuple[str, ...],
    made_by: dict[str, str],
    notes: tuple[str, ...] = (),
    layouts: dict[str, str] | None = None,
    signature: Signature | None = None,
    execution: Execution | None = None,
) -> Artifact:
    """The artifact of a conversion job, written to `job.output`; raises UsageError if the disk is full."""
    write_atomically(Path(job.output), payload)
    return Artifact(
        file=job.output,
        format=job.format,
        backend=backend,
        precision=job.precision,
        signature=signature or job.signature,
        sha256=hashlib.sha256(payload).hexdigest(),
        bytes=len(payload),
        route=route,
        notes=notes,
        layouts=layouts or {},
        made_by=made_by,
        execution=execution,
    )

"""ExecuTorch artifacts with their golden calls in one file, which ExecuTorch's own tools run and check on a device."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ...converters.artifact import Format
from ...converters.errors import NotRunnable
from ...converters.job import BundledProgramJob
from ...converters.layouts import to_artifact
from ...converters.manifest import ArtifactRecord
from ...converters.tensors import Call, write_calls
from ...converters.worker.pool import Finished, Limits, Pool, Task
from ...converters.worker.stacks import Stack
from ..pipeline import Listener
from .golden import FOLDER, GoldenFiles
from .replay import ARTIFACTS

_ENTRY = "edgeproof.converters.from_torch.executorch_bundled:write_bundled_program"


def bundled_programs(
    files: GoldenFiles, records: Sequence[ArtifactRecord], limits: Limits, on_progress: Listener
) -> dict[str, str]:
    """Write a .bpte for each ExecuTorch artifact; returns their names in the bundle by artifact.

    Raises NotRunnable if ExecuTorch is not installed.
    """
    wanted = [each for each in records if each.format == Format.EXECUTORCH]
    if not wanted:
        return {}
    if find_spec("executorch") is None:
        raise NotRunnable("a bundled program needs executorch", fix='pip install "edgeproof[executorch]"')
    with (
        tempfile.TemporaryDirectory(prefix="edgeproof-programs-") as scratch,
        Pool(limits, on_progress=on_progress) as pool,
    ):
        for record in wanted:
            pool.submit(_task(files, record, Path(scratch)), _require_written)
        pool.drain()
    return {record.file: _name(record) for record in wanted}


def _task(files: GoldenFiles, record: ArtifactRecord, scratch: Path) -> Task[int]:
    calls, expected = scratch / f"{record.file}.calls.npz", scratch / f"{record.file}.expected.npz"
    write_calls(calls, _moved(files.shown(files.golden.calls), record))
    write_calls(expected, _moved(files.shown(files.outputs_of(record)), record))
    place = files.stage / _name(record)
    place.parent.mkdir(parents=True, exist_ok=True)
    job = BundledProgramJob(
        file=str(files.stage / ARTIFACTS / record.file),
        calls=str(calls),
        expected=str(expected),
        output=str(place),
        inputs=tuple(spec.name for spec in record.inputs),
        outputs=tuple(spec.name for spec in record.outputs),
    )
    return Task(
        title=f"bundle {record.precision}", entry=_ENTRY, job=job, result=int, stack=Stack.TORCH, confined=False
    )


def _moved(calls: Iterator[Call], record: ArtifactRecord) -> Iterator[Call]:
    return (to_artifact(call, record.layouts) for call in calls)


def _name(record: ArtifactRecord) -> str:
    return f"{FOLDER}/{record.file}/{Path(record.file).stem}.bpte"


def _require_written(finished: Finished[int]) -> None:
    if finished.error is not None:
        raise finished.error

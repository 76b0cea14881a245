"""Judges artifacts that exist already, against stored outputs or against the source again."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..converters import manifest, registry
from ..converters.artifact import Artifact
from ..converters.errors import InputError, NotRunnable
from ..converters.job import ReferenceJob, RunResult
from ..converters.manifest import Manifest
from ..converters.precision import Precision
from ..converters.quantization.files import read_recipe
from ..converters.source import Source
from ..converters.tensors import read_calls
from ..converters.versions import versions_of
from ..converters.worker.pool import Finished, Limits, Pool, Task
from .golden import FOLDER, Golden
from .judging import ArtifactRun, Judge
from .parity import ParityReport, ParityRow, Status, verdict_of
from .pipeline import Listener, ignore_progress
from .planning import identified
from .processor import this_processor
from .reports.json import decode
from .request import Outcome
from .rows import changed_row, failed_run, row_of, with_error
from .running import run_task
from .samples import hash_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Judge what lies at `place`: a folder that `convert` wrote, or one artifact in it.

    With `against` the source runs again, otherwise its stored outputs count.
    """

    place: Path
    against: Source | None = None
    targets: tuple[str, ...] = ("host",)
    limits: Limits = field(default_factory=Limits)


def verify(request: Verification, *, on_progress: Listener = ignore_progress) -> Outcome:
    """Run the artifacts on their stored samples and compare.

    A file that is not what the manifest says is a FAIL. Nothing in the folder is changed. Raises
    InputError if there is nothing to judge or nothing to judge by.
    """
    started = time.monotonic()
    folder, only = folder_of(request.place)
    made = manifest.read(folder)
    records = [record for record in made.artifacts if only is None or record.file == only]
    if not records:
        raise InputError(f"{folder} has no artifact to judge", fix="name a folder that `edgeproof convert` wrote")
    with tempfile.TemporaryDirectory(prefix="edgeproof-verify-") as scratch:
        with Pool(request.limits.for_input(folder), on_progress=on_progress) as pool:
            first = first_report(folder)
            golden = _copy_golden(folder, Path(scratch), request, first.real_calls if first else 0)
            run = _Verification(request, made, pool, golden)
            run.take_simulations(folder)
            run.start([record.in_folder(folder) for record in records])
            pool.drain()
        report = _report(made, run.rows(), folder, run.calls)
    return Outcome(folder=folder, manifest=made, report=report, seconds=time.monotonic() - started)


def folder_of(place: Path) -> tuple[Path, str | None]:
    """The folder that is meant, and the artifact if it is one alone; InputError if there is nothing."""
    if not place.exists():
        raise InputError(f"{place} does not exist", fix="name a folder that `edgeproof convert` wrote")
    return (place, None) if place.is_dir() else (place.parent, place.name)


_NEEDED = ("samples.npz", "floor.json")
_WANTED = ("truth.npz", "undecided.npz")


def _copy_golden(folder: Path, scratch: Path, request: Verification, real: int) -> Golden:
    """A place to work in, so that the folder that is judged stays as it is."""
    stored = folder / FOLDER
    needed = _NEEDED if request.against else (*_NEEDED, "reference.npz")
    missing = [name for name in needed if not (stored / name).exists()]
    if missing:
        raise InputError(
            f"{stored} lacks {' and '.join(missing)}: there is nothing to judge by",
            fix="convert again without --no-verify",
        )
    golden = Golden(scratch, real=real)
    for name in (*needed, *(name for name in _WANTED if (stored / name).exists())):
        shutil.copyfile(stored / name, golden.folder / name)
    return golden


class _Verification:
    """One verification's state."""

    def __init__(self, request: Verification, made: Manifest, pool: Pool, golden: Golden) -> None:
        self._request = request
        self._made = made
        self._pool = pool
        self._golden = golden
        self._judge = Judge(made.signature, golden)
        self._rows: list[ParityRow] = []
        self.calls = golden.calls

    def take_simulations(self, folder: Path) -> None:
        """What the simulated models gave when the folder was written, each with its recipe."""
        kinds = {(record.precision, record.format) for record in self._made.artifacts}
        for precision in {precision for precision, _ in kinds} - {Precision.FP32}:
            names = [self._golden.simulation(precision, made).name for kind, made in sorted(kinds) if kind is precision]
            missing = [name for name in names if not (folder / FOLDER / name).exists()]
            for name in names:
                if name not in missing:
                    shutil.copyfile(folder / FOLDER / name, self._golden.folder / name)
            recipe = self._made.recipes.get(precision)
            error = (
                InputError(f"{FOLDER}/{missing[0]} is missing", fix="convert again without --no-verify")
                if missing
                else None
            )
            self._judge.simulation_is_ready(precision, read_recipe(folder / recipe)[0] if recipe else None, error)

    def start(self, artifacts: list[Artifact]) -> None:
        if self._request.against is not None:
            self._run_source(identified(self._request.against, self._pool))
        else:
            self._judge.floor_is_ready(self._golden.stored_floor())
        for artifact in artifacts:
            for target in self._request.targets:
                self._run(artifact, target)

    def rows(self) -> tuple[ParityRow, ...]:
        order = [record.file for record in self._made.artifacts]
        return tuple(sorted(self._rows, key=lambda row: (order.index(row.file), row.target)))

    def _run_source(self, source: Source) -> None:
        row = registry.describer(source.framework)
        job = ReferenceJob(
            source=source,
            signature=self._made.signature,
            calls=str(self._golden.calls),
            outputs=str(self._golden.reference),
            required=sum(1 for _ in read_calls(self._golden.calls)),
        )
        task = Task(
            title="reference",
            entry=f"edgeproof.validators.runners.{row.framework}:run",
            job=job,
            result=RunResult,
            stack=row.stack,
            cost=100,
            confined=source.is_foreign,
        )
        self._pool.submit(task, self._referenced)

    def _referenced(self, finished: Finished[RunResult]) -> None:
        if finished.error is not None:
            raise finished.error
        self._judge.floor_is_ready(self._golden.measure_again())
        self._rows.extend(self._judge.judge_ready_runs())

    def _run(self, artifact: Artifact, target: str) -> None:
        changed = changed_row(artifact, target)
        if changed is not None:
            self._rows.append(changed)
            return
        outputs = self._judge.outputs_of(artifact, target)
        try:
            task = run_task(artifact, target, calls=self._golden.calls, outputs=outputs)
        except NotRunnable as error:
            self._rows.append(with_error(row_of(artifact, target, Status.NOT_RUN), error))
            return
        self._pool.submit(task, lambda finished: self._ran(artifact, target, outputs, finished))

    def _ran(self, artifact: Artifact, target: str, outputs: Path, finished: Finished[RunResult]) -> None:
        if finished.result is None:
            self._rows.append(failed_run(artifact, target, finished))
            return
        run = ArtifactRun(
            artifact=artifact, target=target, outputs=outputs, result=finished.result, seconds=finished.wall_seconds
        )
        self._judge.run_is_ready(run)
        self._rows.extend(self._judge.judge_ready_runs())


def first_report(folder: Path) -> ParityReport | None:
    """The one that `convert` wrote."""
    before = folder / "parity.json"
    return decode(before.read_bytes()) if before.exists() else None


def _report(made: Manifest, rows: tuple[ParityRow, ...], folder: Path, calls: Path) -> ParityReport:
    """The report on this run; what the samples were is taken over from the one that `convert` wrote."""
    stored = list(read_calls(calls))
    first = first_report(folder)
    return ParityReport(
        verdict=verdict_of(rows),
        results=rows,
        source=made.source.name,
        source_sha256=made.source.sha256,
        samples_sha256=hash_calls(stored),
        samples=len(stored),
        real_samples=first.real_samples if first else False,
        real_calls=first.real_calls if first else 0,
        seed=first.seed if first else 0,
        processor=this_processor(),
        edgeproof=versions_of("edgeproof").get("edgeproof", "unknown"),
    )

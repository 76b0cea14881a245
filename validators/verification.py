"""Judges artifacts that exist already, against stored outputs or against the source again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..converters import manifest, registry
from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, InputError, NotRunnable, UsageError
from ..converters.job import ReferenceJob, RunResult
from ..converters.manifest import Manifest
from ..converters.precision import Precision
from ..converters.processor import this_processor
from ..converters.quantization.files import read_recipe
from ..converters.source import Source
from ..converters.tensors import read_calls
from ..converters.versions import versions_of
from ..converters.worker.pool import Finished, Limits, Pool, Task
from .fresh_golden import Wanted, fresh_golden
from .golden import FOLDER, Golden, copied
from .judging import ArtifactRun, Judge
from .parity import ParityReport, ParityRow, Status, verdict_of
from .pipeline import Listener, ignore_progress
from .planning import identified
from .reports.json import decode
from .request import Outcome
from .rows import changed_row, failed_run, row_of, with_error
from .running import run_task
from .samples import hash_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Judge what lies at `place`: a folder that `convert` wrote, or one artifact in it.

    With `against` the source runs again, otherwise its stored outputs count. With `samples`, an .npz or a folder of
    them, it runs on these, and the artifacts are judged on them instead of on the stored ones.
    """

    place: Path
    against: Source | None = None
    samples: Path | None = None
    hops: bool = False
    targets: tuple[str, ...] = ("host",)
    limits: Limits = field(default_factory=Limits)


def verify(request: Verification, *, on_progress: Listener = ignore_progress) -> Outcome:
    """Run the artifacts on their stored samples and compare.

    A file that is not what the manifest says is a FAIL. Nothing in the folder is changed. Raises
    InputError if there is nothing to judge or nothing to judge by.
    """
    started = time.monotonic()
    if request.samples is not None and request.against is None:
        raise UsageError(
            "other samples are judged beside a source that runs on them, and none is named",
            fix="name it with --against SOURCE",
        )
    folder, only = folder_of(request.place)
    made = manifest.read(folder)
    records = [record for record in made.artifacts if only is None or record.file == only]
    if not records:
        raise InputError(f"{folder} has no artifact to judge", fix="name a folder that `edgeproof convert` wrote")
    with tempfile.TemporaryDirectory(prefix="edgeproof-verify-") as scratch:
        with Pool(request.limits.for_input(folder), on_progress=on_progress) as pool:
            judged = replace(made, artifacts=tuple(records))
            golden, failed = _golden(request, judged, folder, Path(scratch), pool)
            run = _Verification(request, judged, pool, golden)
            run.take_simulations(folder, failed)
            run.start([record.in_folder(folder) for record in records])
            pool.drain()
        report = _report(made, run.rows(), folder, golden)
    return Outcome(folder=folder, manifest=made, report=report, seconds=time.monotonic() - started)


def folder_of(place: Path) -> tuple[Path, str | None]:
    """The folder that is meant, and the artifact if it is one alone; InputError if there is nothing."""
    if not place.exists():
        raise InputError(f"{place} does not exist", fix="name a folder that `edgeproof convert` wrote")
    return (place, None) if place.is_dir() else (place.parent, place.name)


class _Verification:
    """One verification's state."""

    def __init__(self, request: Verification, made: Manifest, pool: Pool, golden: Golden) -> None:
        self._request = request
        self._made = made
        self._pool = pool
        self._golden = golden
        self._judge = Judge(made.signature, golden, hops=request.hops)
        self._rows: list[ParityRow] = []

    def take_simulations(self, folder: Path, failed: Mapping[Precision, EdgeproofError]) -> None:
        """What the simulated models gave, each with its recipe, or why they could not run."""
        own = [record.in_folder(folder) for record in self._made.artifacts if record.backend_recipe is not None]
        for artifact in own:
            missed = not self._golden.simulation(artifact.precision, artifact.format).exists()
            error = failed.get(artifact.precision) or (_no_simulation(artifact) if missed else None)
            self._judge.own_simulation_is_ready(artifact, error)
        shared = [record for record in self._made.artifacts if record.backend_recipe is None]
        kinds = {(record.precision, record.format) for record in shared}
        for precision in {precision for precision, _ in kinds} - {Precision.FP32}:
            paths = [self._golden.simulation(precision, made) for kind, made in sorted(kinds) if kind is precision]
            missing = [path.name for path in paths if not path.exists()]
            recipe = self._made.recipes.get(precision)
            error = failed.get(precision)
            if error is None and missing:
                error = InputError(f"{FOLDER}/{missing[0]} is missing", fix="convert again without --no-verify")
            self._judge.simulation_is_ready(precision, read_recipe(folder / recipe)[0] if recipe else None, error)

    def start(self, artifacts: list[Artifact]) -> None:
        if self._request.against is not None and self._request.samples is None:
            self._run_source(identified(self._request.against, self._pool))
        else:
            self._judge.floor_is_ready(self._golden.stored_floor())
        for artifact in artifacts:
            for target in self._request.targets:
                self._run(artifact, target)

    def rows(self) -> tuple[ParityRow, ...]:
        order = [record.file for record in self._made.artifacts]
        targets = self._request.targets
        rows = sorted(self._rows, key=lambda row: (order.index(row.file), targets.index(row.target)))
        return tuple(map(self._judge.beside_host, rows))

    def _run_source(self, source: Source) -> None:
        row = registry.describer(source.framework)
        job = ReferenceJob(
            source=source,
            signature=self._made.signature,
            calls=str(self._golden.calls),
            outputs=str(self._golden.reference),
            required=sum(1 for _ in read_calls(self._golden.calls)),
            feedback=self._golden.feedback,
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
            task = run_task(artifact, target, golden=self._golden, outputs=outputs)
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


def _no_simulation(artifact: Artifact) -> InputError:
    name = f"simulated.{artifact.format}.{artifact.precision}.npz"
    return InputError(f"{FOLDER}/{name} is missing", fix="convert again without --no-verify")


def first_report(folder: Path) -> ParityReport | None:
    """The one that `convert` wrote."""
    before = folder / "parity.json"
    return decode(before.read_bytes()) if before.exists() else None


def _golden(
    request: Verification, made: Manifest, folder: Path, scratch: Path, pool: Pool
) -> tuple[Golden, Mapping[Precision, EdgeproofError]]:
    """The files to judge by, those that were stored or new ones on the samples that are given; and what failed."""
    first = first_report(folder)
    golden = copied(folder, scratch, made)
    golden.real = first.real_calls if first else 0
    if request.samples is None or request.against is None:
        return golden, {}
    wanted = Wanted(
        samples=request.samples,
        source=identified(request.against, pool),
        made=made,
        folder=folder,
        stored=golden,
        seed=first.seed if first else 0,
    )
    fresh = scratch / "fresh"
    fresh.mkdir()
    return fresh_golden(wanted, fresh, pool)


def _report(made: Manifest, rows: tuple[ParityRow, ...], folder: Path, golden: Golden) -> ParityReport:
    """The report on this run; what is known of stored samples is taken over from the one that `convert` wrote."""
    calls = list(read_calls(golden.calls))
    first = first_report(folder)
    return ParityReport(
        verdict=verdict_of(rows),
        results=rows,
        source=made.source.name,
        source_sha256=made.source.sha256,
        samples_sha256=hash_calls(calls),
        samples=len(calls),
        real_samples=golden.real > 0,
        real_calls=golden.real,
        seed=first.seed if first else 0,
        processor=this_processor(),
        edgeproof=versions_of("edgeproof").get("edgeproof", "unknown"),
    )

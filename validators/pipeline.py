"""From a source to judged artifacts: describe, convert, run and compare, side by side in workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, NotRunnable
from ..converters.job import Description, RunResult, Scores
from ..converters.output_folder import OutputFolder
from ..converters.precision import Precision
from ..converters.quantization.budget import parse_budget
from ..converters.quantization.files import read_recipe
from ..converters.registry_rows import ConverterRow
from ..converters.worker.pool import Finished, Pool, Progress, Task
from ..converters.worker.reading import loaded
from .bases import Bases
from .basis import Basis
from .calibration import collect_calibration, require_calibration, store_labels
from .conversions import Conversions
from .floor import Floor
from .golden import Golden
from .judging import ArtifactRun, Judge
from .micro import is_had_otherwise, own_simulation_task, simulator_of, with_micro_precisions
from .noise_floor import NoiseFloor
from .onnx_graph import OnnxGraph
from .parity import Score
from .planning import (
    description_task,
    identified,
    longest,
    reference_task,
    rows_for,
    warm_up_task,
)
from .request import Outcome, Request
from .results import Results
from .running import not_installed, run_task
from .scoring import score_task
from .sequence import check_state, feedback_of, notes_on_state, with_sequence
from .targets.micro import missing_for
from .user_samples import collect_samples, require_files_to_preprocess

Result = TypeVar("Result")
Listener = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """For callers that do not watch."""


def certify(request: Request, *, on_progress: Listener = ignore_progress) -> Outcome:
    """Convert and judge; what could not be made or run is a row of the report, not an exception.

    Raises EdgeproofError when nothing can be done at all: the request is wrong, or the source cannot be
    opened. Nothing is written then.
    """
    started = time.monotonic()
    request = with_micro_precisions(request)
    require_calibration(request)
    require_files_to_preprocess(request)
    for precision in request.precisions:
        rows_for(request, precision)  # raises for formats that there are not, before anything starts
    with OutputFolder(request.output, overwrite=request.overwrite) as folder:
        with Pool(request.limits.for_input(request.source.path), on_progress=on_progress) as pool:
            request = replace(request, source=identified(request.source, pool))
            run = _Run(request, pool, folder.partial)
            run.start()
            pool.drain()
            run.compare_targets()
            run.results.contained(pool.containment)
        outcome = run.results.write(folder.partial)
        folder.publish()
    return replace(outcome, folder=folder.place, seconds=time.monotonic() - started)


class _Run:
    """One run's state; every method is a step, and callbacks chain the steps."""

    def __init__(self, request: Request, pool: Pool, folder: Path) -> None:
        self._request = request
        self._rows = {precision: rows_for(request, precision) for precision in request.precisions}
        self._pool = pool
        self._folder = folder
        self._prepared: str | None = None
        self._has_reference = False
        self._waiting_for_reference: list[Callable[[], None]] = []
        self.results = Results(request)

    def start(self) -> None:
        """Describe the source; meanwhile a second worker imports what the longest conversion needs."""
        self._submit(description_task(self._request, self._pool.scratch), self._described)
        row = longest(self._rows[self._request.precisions[0]])
        if row is not None and missing_for(row.stack) is None and self._request.limits.jobs > 1:
            self._prepared = str(row.format)
            # Should an import fail, the conversion that needs it meets the same error and reports it.
            self._submit(warm_up_task(self._request, row), lambda _finished: None)

    def _described(self, finished: Finished[Description]) -> None:
        description = loaded(finished, self._request.source.path)
        self._calibration = collect_calibration(self._request, description, self._pool.scratch)
        self._samples = collect_samples(self._request, description, self._calibration)
        check_state(self._request.state, description.signature)
        self._samples = with_sequence(self._samples, self._request.state)
        self._golden = Golden(self._folder)
        self._judge = Judge(description.signature, self._golden, hops=self._request.hops)
        self._golden.keep_originals(description.originals)
        self._store_samples()
        self.results.judged_by(self._golden)
        self._graph = OnnxGraph(self._request, description, self._submit, self._pool.scratch)
        self._bases = Bases(self._request, description, self._submit, self._graph, self._folder)
        self._conversions = Conversions(self._request, description, self._submit, self._graph, self._folder)
        description = self._calibrated(description)
        notes = notes_on_state(description.signature, self._request.state)
        description = replace(description, notes=(*description.notes, *notes))
        self.results.described(description, self._samples)
        if self._request.verify:
            required = self._samples.given + 1
            task = reference_task(description, self._golden, outputs=self._golden.reference, required=required)
            self._submit(task, lambda finished: self._referenced(description, finished))
        for precision in self._request.precisions:
            self._convert_all(precision)

    def _calibrated(self, description: Description) -> Description:
        """The description with what there is to say about the calibration calls."""
        self._labels: str | None = None
        self._metric = (parse_budget(self._request.budget).metric if self._request.budget else None) or ""
        if self._request.verify:
            labels = self._pool.scratch / "sample-labels.npz"
            self._labels = store_labels(self._request, self._request.samples, description.signature, labels)
        if self._calibration is None:
            return description
        self.results.calibrated(self._calibration.sha256)
        return replace(description, notes=(*description.notes, *self._calibration.notes_on(self._samples)))

    def _referenced(self, description: Description, finished: Finished[RunResult]) -> None:
        refused = finished.value().refused
        if refused:
            note = self._samples.refused(refused)
            self._samples = self._samples.without(refused)
            self._store_samples()
            self.results.described(replace(description, notes=(*description.notes, note)), self._samples)
        self._has_reference = True
        floor = Floor(self._golden, self._bases, self._pool.scratch, self._submit)
        floor.ask(description, self._measured)
        waiting, self._waiting_for_reference = self._waiting_for_reference, []
        for proceed in waiting:
            proceed()

    def _measured(self, floor: NoiseFloor) -> None:
        self._judge.floor_is_ready(floor)
        self._judge_ready_runs()

    def _store_samples(self) -> None:
        self._golden.store(self._samples, feedback_of(self._samples, self._request.state))

    def _after_reference(self, proceed: Callable[[], None]) -> None:
        """Now, or when the source has run and it is known which calls count."""
        if self._has_reference:
            proceed()
        else:
            self._waiting_for_reference.append(proceed)

    def _convert_all(self, precision: Precision) -> None:
        rows = self._rows[precision]
        for format_name in self._request.formats:
            if not any(row.format == format_name for row in rows) and not is_had_otherwise(self._request, format_name):
                self.results.not_made_in(format_name, precision)
        if precision is Precision.FP32:
            for row in rows:
                self._convert(row, Basis(precision=precision, origin=str(row.origin)))
            return
        for row in (row for row in rows if row.simulator):
            calibration = None if self._calibration is None else self._calibration.path
            self._convert(row, Basis(precision=precision, origin=row.origin, calibration=calibration))
        if not any(not row.simulator for row in rows):
            return

        def then(basis: Basis | EdgeproofError) -> None:
            if isinstance(basis, Basis):
                self._based(basis)
                return
            for row in (row for row in rows if not row.simulator):
                self.results.failed(row, precision, basis)

        self._bases.make(precision, self._calibration, then)

    def _based(self, basis: Basis) -> None:
        self.results.based(basis)
        rows = [row for row in self._rows[basis.precision] if not row.simulator]
        formats = {row.format for row in rows if not row.missing}
        if self._request.verify and formats:
            outputs = {name: self._golden.simulation(basis.precision, name) for name in sorted(formats)}
            simulate = self._bases.simulate
            self._after_reference(
                lambda: simulate(basis, self._golden, outputs, lambda done: self._simulated(basis, done))
            )
        for row in rows:
            self._convert(row, basis)

    def _simulated(self, basis: Basis, finished: Finished[RunResult]) -> None:
        recipe = None if basis.recipe is None else read_recipe(Path(basis.recipe))[0]
        self._judge.simulation_is_ready(basis.precision, recipe, None if finished.result else finished.failure)
        self._judge_ready_runs()

    def _convert(self, row: ConverterRow, basis: Basis) -> None:
        missing = not_installed(row.missing, row.key, row.extra) if row.missing else missing_for(row.stack)
        if missing is not None:
            self.results.not_run(row, basis.precision, missing)
            return

        def then(made: Artifact | EdgeproofError) -> None:
            if isinstance(made, Artifact):
                self._made(made)
            else:
                self.results.failed(row, basis.precision, made)

        self._conversions.convert(row, basis, then, sticky=row.format == self._prepared)

    def _made(self, artifact: Artifact) -> None:
        self.results.made(artifact)
        if self._request.verify:
            self._after_reference(lambda: self._run_everywhere(artifact))
        entry = simulator_of(artifact)
        if self._request.verify and entry:
            self._after_reference(lambda: self._simulate_own(artifact, entry))

    def _simulate_own(self, artifact: Artifact, entry: str) -> None:
        def then(finished: Finished[RunResult]) -> None:
            self._judge.own_simulation_is_ready(artifact, None if finished.result else finished.failure)
            self._judge_ready_runs()

        self._submit(own_simulation_task(artifact, golden=self._golden, entry=entry), then)

    def _run_everywhere(self, artifact: Artifact) -> None:
        for target in self._request.targets:
            self._run(artifact, target)

    def _run(self, artifact: Artifact, target: str) -> None:
        outputs = self._judge.outputs_of(artifact, target)
        try:
            task = run_task(artifact, target, golden=self._golden, outputs=outputs)
        except NotRunnable as error:
            self.results.cannot_run(artifact, target, error)
            return
        self._submit(task, lambda finished: self._ran(artifact, target, finished))

    def _ran(self, artifact: Artifact, target: str, finished: Finished[RunResult]) -> None:
        if finished.result is None:
            self.results.run_failed(artifact, target, finished)
            return
        run = ArtifactRun(
            artifact=artifact,
            target=target,
            outputs=self._judge.outputs_of(artifact, target),
            result=finished.result,
            seconds=finished.wall_seconds,
        )
        scored = finished.result.positions is None and artifact.precision.is_quantized
        if self._labels is None or not scored:
            self._is_ready(run)
        else:
            job = self._judge.score_job(run, self._metric, self._labels)
            self._submit(score_task(artifact, job), lambda finished: self._scored(run, finished))

    def _scored(self, run: ArtifactRun, finished: Finished[Scores]) -> None:
        if finished.result is None:
            self.results.not_scored(run.artifact, run.target, finished.failure)
            return
        found = Score(function=self._metric, source=finished.result.source, artifact=finished.result.artifact)
        self._is_ready(replace(run, score=found))

    def compare_targets(self) -> None:
        """Everything has run: say how far other targets are from the host."""
        self.results.complete(self._judge.beside_host)

    def _is_ready(self, run: ArtifactRun) -> None:
        self._judge.run_is_ready(run)
        self._judge_ready_runs()

    def _judge_ready_runs(self) -> None:
        for judged in self._judge.judge_ready_runs():
            self.results.judged(judged)

    def _submit(self, task: Task[Result], then: Callable[[Finished[Result]], None]) -> None:
        def noted(finished: Finished[Result]) -> None:
            self.results.timed(task.title, finished)
            then(finished)

        # A factory without a file, or a live model, is the user's own code: it keeps the network and the environment,
        # as does what reaches a target over the network.
        self._pool.submit(replace(task, confined=task.confined and self._request.source.is_foreign), noted)

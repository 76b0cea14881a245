"""From a source to judged artifacts: describe, convert, run and compare, side by side in workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, NeedsTensorFlow, NotRunnable
from ..converters.job import ConvertOptions, Description, RunResult
from ..converters.output_folder import OutputFolder
from ..converters.precision import Precision
from ..converters.registry_rows import ConverterRow
from ..converters.worker.pool import Finished, Pool, Progress, Task
from ..converters.worker.reading import loaded
from .judging import ArtifactRun, Judge, collect_samples
from .planning import (
    conversion_task,
    convert_job,
    description_task,
    identified,
    longest,
    reference_task,
    rows_for,
    warm_up_task,
)
from .request import Outcome, Request, Timing
from .results import Results
from .running import not_installed, run_task

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
    rows_for(request)  # raises for formats that there are not, before anything starts
    with OutputFolder(request.output, overwrite=request.overwrite) as folder:
        with Pool(request.limits.for_input(request.source.path), on_progress=on_progress) as pool:
            request = replace(request, source=identified(request.source, pool))
            run = _Run(request, rows_for(request), pool, folder.partial)
            run.start()
            pool.drain()
            run.results.contained(pool.containment)
        outcome = run.results.write(folder.partial)
        folder.publish()
    return replace(outcome, folder=folder.place, seconds=time.monotonic() - started)


class _Run:
    """One run's state; every method is a step, and callbacks chain the steps."""

    def __init__(self, request: Request, rows: list[ConverterRow], pool: Pool, folder: Path) -> None:
        self._request = request
        self._rows = rows
        self._pool = pool
        self._folder = folder
        self._prepared: str | None = None
        self._has_reference = False
        self._waiting_to_run: list[Artifact] = []
        self._onnx_waiting: list[tuple[ConverterRow, Precision, NeedsTensorFlow]] = []
        self._onnx_graph: Artifact | EdgeproofError | None = None
        self.results = Results(request)

    def start(self) -> None:
        """Describe the source; meanwhile a second worker imports what the longest conversion needs."""
        self._submit(description_task(self._request, self._pool.scratch), self._described)
        row = longest(self._rows)
        if row is not None and self._request.limits.jobs > 1:
            self._prepared = str(row.format)
            # Should an import fail, the conversion that needs it meets the same error and reports it.
            self._submit(warm_up_task(self._request, row), lambda _finished: None)

    def _described(self, finished: Finished[Description]) -> None:
        description = loaded(finished, self._request.source.path)
        self._samples = collect_samples(self._request, description)
        self._judge = Judge(description.signature, self._folder)
        self._judge.store(self._samples)
        self.results.described(description, self._samples)
        if self._request.verify:
            calls, outputs = self._judge.calls, self._judge.reference
            required = self._samples.given + 1
            task = reference_task(description, calls=calls, outputs=outputs, required=required)
            self._submit(task, lambda finished: self._referenced(description, finished))
        for row in self._rows:
            for precision in self._request.precisions:
                self._convert(description, row, precision)

    def _referenced(self, description: Description, finished: Finished[RunResult]) -> None:
        refused = finished.value().refused
        if refused:
            self._samples = self._samples.without(refused)
            self._judge.store(self._samples)
            note = f"{len(refused)} generated inputs were left out, because the source itself refuses them"
            self.results.described(replace(description, notes=(*description.notes, note)), self._samples)
        self._judge.reference_is_ready()
        self._has_reference = True
        waiting, self._waiting_to_run = self._waiting_to_run, []
        for artifact in waiting:
            self._run_everywhere(artifact)

    def _convert(self, description: Description, row: ConverterRow, precision: Precision) -> None:
        if row.missing:
            self.results.not_run(row, precision, not_installed(row.missing, row.key, row.extra))
            return
        if row.from_graph:
            why = NeedsTensorFlow("the source is a TensorFlow function", fix="convert through the model's ONNX graph")
            self._take_detour(description, row, precision, why)
            return
        job = convert_job(self._request, description, row, precision, self._folder)
        task = conversion_task(row, job, sticky=row.format == self._prepared)
        self._submit(task, lambda finished: self._converted(description, row, precision, finished))

    def _converted(
        self,
        description: Description,
        row: ConverterRow,
        precision: Precision,
        finished: Finished[Artifact],
    ) -> None:
        if isinstance(finished.error, NeedsTensorFlow) and row.detour == "onnx":
            self._take_detour(description, row, precision, finished.error)
        elif finished.error is not None:
            self.results.failed(row, precision, finished.error)
        else:
            self._made(finished.value())

    def _take_detour(
        self, description: Description, row: ConverterRow, precision: Precision, why: NeedsTensorFlow
    ) -> None:
        """The model calls TensorFlow itself: go through its ONNX graph, which is made once for all formats."""
        self._onnx_waiting.append((row, precision, why))
        if self._onnx_graph is not None:
            self._continue_detours(description)
        elif len(self._onnx_waiting) == 1:
            graph = registry.converters()[f"{self._request.source.framework}:onnx"]
            if graph.missing:
                self._onnx_graph = not_installed(graph.missing, "going through ONNX", graph.extra)
                self._continue_detours(description)
                return
            job = convert_job(self._request, description, graph, Precision.FP32, self._pool.scratch)
            task = replace(conversion_task(graph, replace(job, options=ConvertOptions())), title="onnx graph")
            self._submit(task, lambda finished: self._graph_is_made(description, finished))

    def _graph_is_made(self, description: Description, finished: Finished[Artifact]) -> None:
        self._onnx_graph = finished.result or finished.error
        self._continue_detours(description)

    def _continue_detours(self, description: Description) -> None:
        waiting, self._onnx_waiting = self._onnx_waiting, []
        for row, precision, why in waiting:
            if not isinstance(self._onnx_graph, Artifact):
                self.results.failed(row, precision, self._onnx_graph or why)
                continue
            detour = registry.converters()[f"onnx:{row.format}"]
            job = convert_job(self._request, description, detour, precision, self._folder)
            task = conversion_task(detour, replace(job, onnx_graph=self._onnx_graph.file))
            self._submit(task, self._after_detour(row, precision, why))

    def _after_detour(
        self, row: ConverterRow, precision: Precision, why: NeedsTensorFlow
    ) -> Callable[[Finished[Artifact]], None]:
        reason = why.message.partition("\n")[0]

        def then(finished: Finished[Artifact]) -> None:
            if finished.result is None:
                self.results.failed(row, precision, finished.error or why)
            else:
                notes = (*finished.result.notes, f"made through the model's ONNX graph: {reason}")
                self._made(replace(finished.result, notes=notes))

        return then

    def _made(self, artifact: Artifact) -> None:
        self.results.made(artifact)
        if not self._request.verify:
            return
        if self._has_reference:
            self._run_everywhere(artifact)
        else:
            self._waiting_to_run.append(artifact)

    def _run_everywhere(self, artifact: Artifact) -> None:
        for target in self._request.targets:
            self._run(artifact, target)

    def _run(self, artifact: Artifact, target: str) -> None:
        outputs = self._judge.outputs_of(artifact, target)
        try:
            task = run_task(artifact, target, calls=self._judge.calls, outputs=outputs)
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
        self._judge.run_is_ready(run)
        for judged in self._judge.judge_ready_runs():
            self.results.judged(judged)

    def _submit(self, task: Task[Result], then: Callable[[Finished[Result]], None]) -> None:
        def noted(finished: Finished[Result]) -> None:
            self.results.timed(
                Timing(
                    title=task.title,
                    wall_seconds=finished.wall_seconds,
                    stages=finished.seconds,
                    peak_bytes=finished.peak_bytes,
                )
            )
            then(finished)

        # A factory without a file, or a live model, is the user's own code: it keeps the network and the environment.
        self._pool.submit(replace(task, confined=self._request.source.is_foreign), noted)

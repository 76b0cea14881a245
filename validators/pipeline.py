"""From a source to judged artifacts: describe, convert, run and compare, side by side in workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..converters import registry
from ..converters.artifact import Artifact, extension_of
from ..converters.errors import EdgeproofError, NeedsTensorFlow, NotRunnable, UsageError
from ..converters.job import ConvertJob, ConvertOptions, DescribeJob, Description, ReferenceJob, RunResult
from ..converters.output_folder import OutputFolder
from ..converters.precision import Precision
from ..converters.worker.pool import Finished, Pool, Progress, Task
from ..converters.worker.warm import WarmJob
from .judging import ArtifactRun, Judge, collect_samples
from .request import Outcome, Request, Timing
from .results import Results
from .running import not_installed, run_task

Result = TypeVar("Result")
Listener = Callable[[Progress], None]
_WARM_ENTRY = "edgeproof.converters.worker.warm:warm"
_FIRST = 100.0


def ignore_progress(_progress: Progress) -> None:
    """For callers that do not watch."""


def certify(request: Request, *, on_progress: Listener = ignore_progress) -> Outcome:
    """Convert and judge; what could not be made or run is a row of the report, not an exception.

    Raises EdgeproofError when nothing can be done at all: the request is wrong, or the source cannot be
    opened. Nothing is written then.
    """
    started = time.monotonic()
    rows = _rows_for(request)
    with OutputFolder(request.output, overwrite=request.overwrite) as folder:
        with Pool(request.limits, on_progress=on_progress) as pool:
            run = _Run(request, rows, pool, folder.partial)
            run.start()
            pool.drain()
        outcome = run.results.write(folder.partial)
        folder.publish()
    return replace(outcome, folder=folder.place, seconds=time.monotonic() - started)


def _rows_for(request: Request) -> list[registry.ConverterRow]:
    """The table's rows for what was asked; UsageError for a format that this framework cannot become."""
    table = registry.converters()
    framework = request.source.framework
    rows: list[registry.ConverterRow] = []
    for name in request.formats:
        row = table.get(f"{framework}:{name}")
        if row is None:
            known = sorted(str(row.format) for row in table.values() if row.origin == framework)
            raise UsageError(f"there is no way from {framework} to {name!r}", fix=f"choose from {', '.join(known)}")
        if request.backend and len(request.formats) == 1 and request.backend not in row.backends:
            raise UsageError(f"{name} has no backend {request.backend!r}", fix=f"choose from {', '.join(row.backends)}")
        rows.append(row)
    return rows


class _Run:
    """One run's state; every method is a step, and callbacks chain the steps."""

    def __init__(self, request: Request, rows: list[registry.ConverterRow], pool: Pool, folder: Path) -> None:
        self._request = request
        self._rows = rows
        self._pool = pool
        self._folder = folder
        self._prepared: str | None = None
        self._onnx_waiting: list[tuple[registry.ConverterRow, Precision, NeedsTensorFlow]] = []
        self._onnx_graph: Artifact | EdgeproofError | None = None
        self.results = Results(request)

    def start(self) -> None:
        """Describe the source; meanwhile a second worker imports what the longest conversion needs."""
        row = registry.describer(self._request.source.framework)
        _require(row.missing, f"opening {row.framework} models", row.extra)
        job = DescribeJob(
            source=self._request.source,
            folder=str(self._pool.scratch),
            dynamic=self._request.dynamic,
            samples=self._request.samples if _is_function(self._request.samples) else None,
        )
        task = Task(
            title="source", entry=row.entry, job=job, result=Description, stack=row.stack, cost=_FIRST, warmth="source"
        )
        self._submit(task, self._described)
        self._warm_up()

    def _warm_up(self) -> None:
        runnable = [row for row in self._rows if not row.missing]
        longest = max(runnable, key=lambda row: row.cost, default=None)
        if longest is None or self._request.limits.jobs < 2:
            return
        self._prepared = str(longest.format)
        job = WarmJob(entries=(longest.entry,))
        task = Task(
            title=f"prepare {longest.format}",
            entry=_WARM_ENTRY,
            job=job,
            result=tuple,
            stack=longest.stack,
            cost=_FIRST - 1,
            warmth=longest.format,
        )
        # Should an import fail, the conversion that needs it meets the same error and reports it.
        self._pool.submit(task, lambda _finished: None)

    def _described(self, finished: Finished[Description]) -> None:
        if finished.result is None:
            raise finished.error or UsageError("the source gave no description", fix="report this as a bug")
        description = finished.result
        samples = collect_samples(self._request, description)
        self._judge = Judge(description.signature, self._folder)
        self._judge.store(samples)
        self.results.described(description, samples)
        if self._request.verify:
            self._run_reference(description)
        for row in self._rows:
            for precision in self._request.precisions:
                self._convert(description, row, precision)

    def _run_reference(self, description: Description) -> None:
        row = registry.describer(description.source.framework)
        job = ReferenceJob(
            source=description.source,
            signature=description.signature,
            calls=str(self._judge.calls),
            outputs=str(self._judge.reference),
        )
        entry = f"edgeproof.validators.runners.{row.framework}:run"
        task = Task(
            title="reference",
            entry=entry,
            job=job,
            result=RunResult,
            stack=row.stack,
            cost=_FIRST,
            warmth="source",
            sticky=True,
        )
        self._submit(task, self._referenced)

    def _referenced(self, finished: Finished[RunResult]) -> None:
        if finished.error is not None:
            raise finished.error
        self._judge.reference_is_ready()
        self._compare_what_is_ready()

    def _convert(self, description: Description, row: registry.ConverterRow, precision: Precision) -> None:
        if row.missing:
            self.results.not_run(row, precision, not_installed(row.missing, row.key, row.extra))
            return
        job = self._job(description, row, precision, self._request.options)
        task = replace(_conversion(row, job), sticky=row.format == self._prepared)
        self._submit(task, lambda finished: self._converted(description, row, precision, finished))

    def _job(
        self, description: Description, row: registry.ConverterRow, precision: Precision, options: ConvertOptions
    ) -> ConvertJob:
        name = f"{description.source.name}.{row.format}.{precision}{extension_of(row.format)}"
        return ConvertJob(
            source=description.source,
            signature=description.signature,
            examples=description.examples,
            format=str(row.format),
            output=str(self._folder / name),
            precision=precision,
            backend=self._request.backend,
            options=options,
        )

    def _converted(
        self,
        description: Description,
        row: registry.ConverterRow,
        precision: Precision,
        finished: Finished[Artifact],
    ) -> None:
        if isinstance(finished.error, NeedsTensorFlow) and row.detour == "onnx":
            self._take_detour(description, row, precision, finished.error)
        elif finished.error is not None:
            self.results.failed(row, precision, finished.error)
        elif finished.result is not None:
            self._made(finished.result)

    def _take_detour(
        self, description: Description, row: registry.ConverterRow, precision: Precision, why: NeedsTensorFlow
    ) -> None:
        """The model calls TensorFlow itself: go through its ONNX graph, which is made once for all formats."""
        self._onnx_waiting.append((row, precision, why))
        if self._onnx_graph is not None:
            self._continue_detours(description)
        elif len(self._onnx_waiting) == 1:
            source_row = registry.converters()["keras:onnx"]
            _require(source_row.missing, "going through ONNX", source_row.extra)
            job = self._job(description, source_row, Precision.FP32, ConvertOptions())
            job = replace(job, output=str(self._pool.scratch / "detour.onnx"))
            task = replace(_conversion(source_row, job), title="onnx graph")
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
            job = self._job(description, detour, precision, self._request.options)
            job = replace(job, onnx_graph=self._onnx_graph.file)
            self._submit(_conversion(detour, job), self._after_detour(row, precision, why))

    def _after_detour(
        self, row: registry.ConverterRow, precision: Precision, why: NeedsTensorFlow
    ) -> Callable[[Finished[Artifact]], None]:
        def then(finished: Finished[Artifact]) -> None:
            if finished.result is None:
                self.results.failed(row, precision, finished.error or why)
            else:
                notes = (*finished.result.notes, f"made through the model's ONNX graph: {why.message}")
                self._made(replace(finished.result, notes=notes))

        return then

    def _made(self, artifact: Artifact) -> None:
        self.results.made(artifact)
        if not self._request.verify:
            return
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
        self._compare_what_is_ready()

    def _compare_what_is_ready(self) -> None:
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

        self._pool.submit(task, noted)


def _conversion(row: registry.ConverterRow, job: ConvertJob) -> Task[Artifact]:
    return Task(
        title=f"{row.format} {job.precision}",
        entry=row.entry,
        job=job,
        result=Artifact,
        stack=row.stack,
        cost=row.cost,
        warmth=str(row.format),
    )


def _is_function(text: str | None) -> bool:
    return text is not None and ":" in text and not Path(text).exists()


def _require(modules: tuple[str, ...], what: str, extra: str) -> None:
    if modules:
        raise not_installed(modules, what, extra)

"""Makes the basis of every precision: quantises the source's program once for all formats, and simulates it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, NeedsTensorFlow
from ..converters.job import ConvertJob, Description, Quantized, QuantizeJob, RunResult, SimulateJob, TruthJob
from ..converters.output_folder import RECIPES
from ..converters.precision import Precision
from ..converters.quantization.files import SUFFIX
from ..converters.registry_rows import QuantizerRow
from ..converters.source import Framework
from ..converters.worker.pool import Finished, Task
from .basis import Basis
from .calibration import Calibration
from .golden import Golden
from .onnx_graph import Graph, OnnxGraph
from .request import Request
from .running import not_installed

Submit = Callable[[Task[Any], Callable[[Finished[Any]], None]], None]
_QUANTISING = 50.0
_SIMULATING = 3.0
_TELLING = 4.0


Then = Callable[[Basis | EdgeproofError], None]


class Bases:
    """Makes the basis of every precision but fp32, and simulates what its artifacts compute."""

    def __init__(
        self, request: Request, description: Description, submit: Submit, graph: OnnxGraph, folder: Path
    ) -> None:
        self._request = request
        self._description = description
        self._submit = submit
        self._graph = graph
        self._folder = folder

    def make(self, precision: Precision, calibration: Calibration | None, then: Then) -> None:
        """Call `then` with the basis, or with the error that there is none for."""
        framework = self._request.source.framework
        origin = "onnx" if framework is Framework.TENSORFLOW else str(framework)
        self._on(Basis(precision=precision, origin=origin), calibration, then)

    def simulate(
        self, basis: Basis, golden: Golden, outputs: dict[str, Path], then: Callable[[Finished[RunResult]], None]
    ) -> None:
        """Run what the artifacts are made of on stored calls, in torch, as each format rounds it."""
        files = {format_name: str(path) for format_name, path in outputs.items()}

        def task(basis: Basis, row: QuantizerRow) -> Task[RunResult]:
            job = SimulateJob(
                program=self._job(basis, ""), calls=str(golden.calls), outputs=files, feedback=golden.feedback
            )
            return _task(f"simulation {basis.precision}", row.simulator, job, row, cost=_SIMULATING)

        def ran(finished: Finished[RunResult] | EdgeproofError) -> None:
            then(Finished(error=finished) if isinstance(finished, EdgeproofError) else finished)

        self._run_on(basis, task, ran)

    @property
    def program(self) -> ConvertJob:
        """The job of the source's own program, wherever it comes from."""
        return self._job(Basis(precision=Precision.FP32, origin=str(self._request.source.framework)), "")

    def tell_truth(self, truth: TruthJob, then: Callable[[Finished[RunResult] | EdgeproofError], None]) -> None:
        """Run the source's program as the job asks; its `program` is put in here, as the framework needs it."""

        def task(basis: Basis, row: QuantizerRow) -> Task[RunResult]:
            job = replace(truth, program=self._job(basis, ""))
            return _task("truth", row.truth, job, row, cost=_TELLING)

        framework = self._request.source.framework
        origin = "onnx" if framework is Framework.TENSORFLOW else str(framework)
        self._run_on(Basis(precision=Precision.FP32, origin=origin), task, then)

    def _run_on(
        self,
        basis: Basis,
        task: Callable[[Basis, QuantizerRow], Task[RunResult]],
        then: Callable[[Finished[RunResult] | EdgeproofError], None],
    ) -> None:
        """Submit the task on a basis, or on the model's ONNX graph where torch cannot hold the model itself."""
        if basis.origin == "onnx" and basis.onnx_graph is None:

            def on_graph(graph: Graph) -> None:
                if isinstance(graph, Artifact):
                    self._run_on(replace(basis, onnx_graph=graph.file), task, then)
                else:
                    then(graph)

            self._graph.ask(on_graph)
            return
        row = self._row(basis)
        if row.missing:
            then(not_installed(row.missing, "running the source's program", row.extra))
            return

        def ran(finished: Finished[RunResult]) -> None:
            if isinstance(finished.error, NeedsTensorFlow) and basis.origin != "onnx":
                self._run_on(replace(basis, origin="onnx"), task, then)
            else:
                then(finished)

        self._submit(task(basis, row), ran)

    def _on(self, basis: Basis, calibration: Calibration | None, then: Then) -> None:
        if basis.origin == "onnx" and basis.onnx_graph is None:
            self._graph.ask(lambda graph: self._on_graph(basis, graph, calibration, then))
            return
        row = self._row(basis)
        if row.missing:
            then(not_installed(row.missing, f"making {basis.precision}", row.extra))
        elif not basis.precision.is_quantized:
            then(basis)
        else:
            self._quantise(basis, row, calibration, then)

    def _on_graph(self, basis: Basis, graph: Graph, calibration: Calibration | None, then: Then) -> None:
        if isinstance(graph, Artifact):
            self._on(replace(basis, onnx_graph=graph.file), calibration, then)
        else:
            then(graph)

    def _quantise(self, basis: Basis, row: QuantizerRow, calibration: Calibration | None, then: Then) -> None:
        folder = self._folder / RECIPES
        folder.mkdir(exist_ok=True)
        output = folder / f"{self._description.source.name}.{basis.precision}{SUFFIX}"
        job = QuantizeJob(
            program=self._job(basis, str(output)),
            calibration=None if calibration is None else calibration.path,
            labels=None if calibration is None else calibration.labels,
            recipe=self._request.recipe,
            budget=self._request.budget,
        )
        task = Task(
            title=f"quantise {basis.precision}",
            entry=row.entry,
            job=job,
            result=Quantized,
            stack=row.stack,
            cost=_QUANTISING,
            warmth="source",
        )
        self._submit(task, lambda finished: self._quantised(basis, calibration, then, finished))

    def _quantised(
        self, basis: Basis, calibration: Calibration | None, then: Then, finished: Finished[Quantized]
    ) -> None:
        if isinstance(finished.error, NeedsTensorFlow) and basis.origin != "onnx":
            self._on(replace(basis, origin="onnx"), calibration, then)
        elif finished.result is None:
            then(finished.failure)
        else:
            then(replace(basis, recipe=finished.result.recipe))

    def _row(self, basis: Basis) -> QuantizerRow:
        row = registry.quantizer(basis.origin)
        if row is None:
            raise EdgeproofError(f"nothing quantises {basis.origin} programs", fix="report this as a bug")
        return row

    def _job(self, basis: Basis, output: str) -> ConvertJob:
        return ConvertJob(
            source=self._description.source,
            signature=self._description.signature,
            examples=self._description.examples,
            format="",
            output=output,
            precision=basis.precision,
            onnx_graph=basis.onnx_graph,
            recipe=basis.recipe,
            fingerprint=self._description.fingerprint,
            options=self._request.options,
        )


def _task(title: str, entry: str, job: object, row: QuantizerRow, *, cost: float) -> Task[RunResult]:
    return Task(title=title, entry=entry, job=job, result=RunResult, stack=row.stack, cost=cost, warmth="source")

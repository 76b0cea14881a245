"""Makes the golden files anew, on other samples, for artifacts that exist already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, InputError, NeedsTensorFlow, NotRunnable
from ..converters.job import ConvertOptions, Description, Layout, RunResult
from ..converters.manifest import Manifest
from ..converters.precision import Precision
from ..converters.source import Source
from ..converters.tensors import read_calls, write_calls
from ..converters.worker.pool import Finished, Pool, Task
from .bases import Bases
from .basis import Basis
from .floor import Floor
from .golden import Golden
from .micro import own_simulation_task, simulator_of
from .onnx_graph import Graph, OnnxGraph
from .planning import reference_task
from .request import Request
from .rows import changed_row
from .samples import SampleSet, collect, read_samples
from .sequence import feedback_of, with_sequence

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Golden files of `source` on `samples`, for the artifacts of `made` in `folder`.

    `stored` are the golden files that were written with them; `seed` is that of generated calls.
    """

    samples: Path
    source: Source
    made: Manifest
    folder: Path
    stored: Golden
    seed: int


def fresh_golden(wanted: Wanted, scratch: Path, pool: Pool) -> tuple[Golden, dict[Precision, EdgeproofError]]:
    """Run the source on the samples, the example and generated calls, measure its noise, and simulate what is rounded.

    Returns the files, and why a precision could not be simulated. Raises InputError if the samples do not fit, and what
    the source's run ended with.
    """
    return _Fresh(wanted, scratch, pool).make()


class _Fresh:
    """The golden files while they are made; the steps are those of a conversion, with the recipes that are there."""

    def __init__(self, wanted: Wanted, scratch: Path, pool: Pool) -> None:
        self._wanted = wanted
        self._pool = pool
        self._golden = Golden(scratch)
        self._description = _described(wanted, pool.scratch / "example.npz")
        made = wanted.made
        request = Request(
            source=wanted.source,
            formats=tuple(dict.fromkeys(record.format for record in made.artifacts)),
            output=wanted.folder,
            options=_options(made),
        )
        self._graph = OnnxGraph(request, self._description, self._submit, pool.scratch)
        self._bases = Bases(request, self._description, self._submit, self._graph, wanted.folder)
        self._samples = _collected(wanted, self._description)
        self._failed: dict[Precision, EdgeproofError] = {}

    def make(self) -> tuple[Golden, dict[Precision, EdgeproofError]]:
        self._store()
        required = self._samples.given + 1
        task = reference_task(self._description, self._golden, outputs=self._golden.reference, required=required)
        self._submit(task, self._referenced)
        self._pool.drain()
        return self._golden, self._failed

    def _store(self) -> None:
        self._golden.store(self._samples, feedback_of(self._samples, _state(self._wanted.made)))

    def _referenced(self, finished: Finished[RunResult]) -> None:
        refused = finished.value().refused
        if refused:
            self._samples = self._samples.without(refused)
            self._store()
        floor = Floor(self._golden, self._bases, self._pool.scratch, self._submit)
        floor.ask(self._description, lambda _floor: None)  # which stores it where the judge looks
        shared = [record for record in self._wanted.made.artifacts if record.backend_recipe is None]
        for precision in {record.precision for record in shared} - {Precision.FP32}:
            self._prepare(precision)
        for record in self._wanted.made.artifacts:
            if record.backend_recipe is not None:
                self._simulate_own(record.in_folder(self._wanted.folder))

    def _simulate_own(self, artifact: Artifact) -> None:
        """Run the program that a backend's own quantiser made, which lies beside the artifact."""

        def then(finished: Finished[RunResult]) -> None:
            if finished.result is None:
                self._failed[artifact.precision] = finished.failure

        changed = changed_row(artifact, "host")
        if changed is not None:
            self._failed[artifact.precision] = InputError(changed.reason, fix=changed.fix)
            return
        try:
            task = own_simulation_task(artifact, golden=self._golden, entry=simulator_of(artifact))
        except NotRunnable as error:
            self._failed[artifact.precision] = error
            return
        # What lies beside an artifact may come from anybody, whoever wrote the source.
        self._pool.submit(task, then)

    def _prepare(self, precision: Precision) -> None:
        """Find the program that artifacts of a precision are made of: that of fp16, with the recipe that was stored."""
        recipe = self._wanted.made.recipes.get(precision)

        def then(basis: Basis | EdgeproofError) -> None:
            if isinstance(basis, EdgeproofError):
                self._failed[precision] = basis
                return
            stored = str(self._wanted.folder / recipe) if recipe else None
            self._simulate(replace(basis, precision=precision, recipe=stored))

        self._bases.make(Precision.FP16, None, then)

    def _simulate(self, basis: Basis) -> None:
        records = self._wanted.made.artifacts
        shared = [record for record in records if record.backend_recipe is None]
        formats = sorted({record.format for record in shared if record.precision is basis.precision})
        outputs = {name: self._golden.simulation(basis.precision, name) for name in formats}

        def on_graph(graph: Graph) -> None:
            if isinstance(graph, Artifact):
                self._simulate(replace(basis, origin="onnx", onnx_graph=graph.file))
            else:
                self._failed[basis.precision] = graph

        def then(finished: Finished[RunResult]) -> None:
            if isinstance(finished.error, NeedsTensorFlow) and basis.onnx_graph is None:
                self._graph.ask(on_graph)
            elif finished.result is None:
                self._failed[basis.precision] = finished.failure

        self._bases.simulate(basis, self._golden, outputs, then)

    def _submit(self, task: Task[Result], then: Callable[[Finished[Result]], None]) -> None:
        self._pool.submit(replace(task, confined=self._wanted.source.is_foreign), then)


def _described(wanted: Wanted, examples: Path) -> Description:
    """What a worker would find out about the source: it is in the manifest, and among the stored calls."""
    stored = read_calls(wanted.stored.calls)
    write_calls(examples, islice(stored, wanted.stored.real, wanted.stored.real + 1))
    return Description(
        source=wanted.source,
        signature=wanted.made.signature,
        examples=str(examples),
        samples=None,
        parameters=wanted.made.source.parameters,
        made_by=wanted.made.source.made_by,
    )


def _collected(wanted: Wanted, description: Description) -> SampleSet:
    example = next(read_calls(Path(description.examples)))
    given = read_samples(wanted.samples, description.signature, example)
    samples = collect(description.signature, example, given=given, seed=wanted.seed)
    return with_sequence(samples, _state(wanted.made))


def _state(made: Manifest) -> dict[str, str]:
    return made.feedback.state if made.feedback else {}


def _options(made: Manifest) -> ConvertOptions:
    """The layouts that the artifacts were made in."""
    names = {"input": made.inputs, "output": made.outputs}
    found: dict[str, Layout | None] = {
        side: next(
            (
                Layout(record.layouts[spec.name])
                for record in made.artifacts
                for spec in specs
                if spec.name in record.layouts
            ),
            None,
        )
        for side, specs in names.items()
    }
    return ConvertOptions(input_layout=found["input"], output_layout=found["output"])

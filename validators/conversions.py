"""Makes artifacts, by way of the model's ONNX graph where torch cannot hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError, NeedsTensorFlow
from ..converters.job import Description
from ..converters.registry_rows import ConverterRow
from ..converters.worker.pool import Finished, Task
from .basis import Basis
from .onnx_graph import Graph, OnnxGraph
from .planning import conversion_task, convert_job
from .request import Request

Submit = Callable[[Task[Any], Callable[[Finished[Any]], None]], None]
Then = Callable[[Artifact | EdgeproofError], None]


class Conversions:
    """Makes the artifacts of one request."""

    def __init__(
        self, request: Request, description: Description, submit: Submit, graph: OnnxGraph, folder: Path
    ) -> None:
        self._request = request
        self._description = description
        self._submit = submit
        self._graph = graph
        self._folder = folder

    def convert(self, row: ConverterRow, basis: Basis, then: Then, *, sticky: bool) -> None:
        """Call `then` with the artifact of a row, or with the error that there is none for; `sticky` as of a task."""
        if basis.onnx_graph is not None or row.from_graph:
            why = NeedsTensorFlow("the source is a TensorFlow function", fix="convert through the model's ONNX graph")
            self._graph.ask(lambda graph: self._convert_graph(row, basis, graph, why, then))
            return
        job = convert_job(self._request, self._description, row, basis, self._folder)
        self._submit(conversion_task(row, job, sticky=sticky), lambda done: self._converted(row, basis, done, then))

    def _converted(self, row: ConverterRow, basis: Basis, finished: Finished[Artifact], then: Then) -> None:
        error = finished.error
        if isinstance(error, NeedsTensorFlow) and row.detour == "onnx":
            self._graph.ask(lambda graph: self._convert_graph(row, basis, graph, error, then))
        else:
            then(finished.result or finished.failure)

    def _convert_graph(self, row: ConverterRow, basis: Basis, graph: Graph, why: NeedsTensorFlow, then: Then) -> None:
        """The model calls TensorFlow itself: go through its ONNX graph, which is made once for all formats."""
        detour = registry.converter("onnx", row.format, basis.precision, backend=self._request.backend)
        if detour is None or not isinstance(graph, Artifact):
            then(why if isinstance(graph, Artifact) else graph)
            return
        job = convert_job(self._request, self._description, detour, replace(basis, onnx_graph=graph.file), self._folder)
        self._submit(conversion_task(detour, job), lambda finished: then(_through_graph(finished, why)))


def _through_graph(finished: Finished[Artifact], why: NeedsTensorFlow) -> Artifact | EdgeproofError:
    if finished.result is None:
        return finished.failure
    reason = why.message.partition("\n")[0]
    notes = (*finished.result.notes, f"made through the model's ONNX graph: {reason}")
    return replace(finished.result, notes=notes)

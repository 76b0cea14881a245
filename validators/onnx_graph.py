"""The source's ONNX graph, made once when the first conversion needs it as a way round TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..converters import registry
from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError
from ..converters.job import ConvertOptions, Description
from ..converters.precision import Precision
from ..converters.worker.pool import Finished, Task
from .basis import Basis
from .planning import conversion_task, convert_job
from .request import Request
from .running import not_installed

Graph = Artifact | EdgeproofError
Submit = Callable[[Task[Artifact], Callable[[Finished[Artifact]], None]], None]


class OnnxGraph:
    """Asks for the graph once, and tells everybody who waits for it."""

    def __init__(self, request: Request, description: Description, submit: Submit, folder: Path) -> None:
        self._request = request
        self._description = description
        self._submit = submit
        self._folder = folder
        self._graph: Graph | None = None
        self._waiting: list[Callable[[Graph], None]] = []

    def ask(self, then: Callable[[Graph], None]) -> None:
        """Call `then` with the graph, or with the error that it could not be made with."""
        if self._graph is not None:
            then(self._graph)
            return
        self._waiting.append(then)
        if len(self._waiting) == 1:
            self._make()

    def _make(self) -> None:
        row = registry.converters()[f"{self._request.source.framework}:onnx"]
        if row.missing:
            self._tell(not_installed(row.missing, "going through ONNX", row.extra))
            return
        job = convert_job(
            self._request, self._description, row, Basis(precision=Precision.FP32, origin=row.origin), self._folder
        )
        task = replace(conversion_task(row, replace(job, options=ConvertOptions())), title="onnx graph")
        self._submit(task, self._made)

    def _made(self, finished: Finished[Artifact]) -> None:
        self._tell(finished.result if finished.result is not None else finished.failure)

    def _tell(self, graph: Graph) -> None:
        self._graph = graph
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(graph)

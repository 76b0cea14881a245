"""Shows the values inside a Keras model's torch program, and takes operators out of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import keras
from torch.fx import traceback

from ..diagnosis_job import ExtractJob, TappedJob, Taps, Trace, TraceJob
from ..errors import EdgeproofError
from ..from_torch.executorch_tapped import extracted, tapped
from ..from_torch.source_lines import LAYER
from ..from_torch.tracing import trace_of
from .bridge import program_of


def trace(job: TraceJob) -> Trace:
    """The trace of a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    with _layers_named():
        program = program_of(job.program)
    return trace_of(program, job)


def make(job: TappedJob) -> Taps:
    """The tapped program of a Keras model."""
    return tapped(program_of(job.program), job)


def extract(job: ExtractJob) -> int:
    """Operators of a Keras model, lowered alone."""
    if job.program is None:
        raise EdgeproofError("no program was named", fix="report this as a bug")
    return extracted(program_of(job.program), job)


@contextmanager
def _layers_named() -> Generator[None]:
    """What is exported meanwhile knows its layers: Keras calls them past the hooks of modules in torch.export."""
    layer: Any = keras.layers.Layer
    own = layer.__call__
    path: list[str] = []

    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        path.append(self.name)
        try:
            with traceback.annotate({LAYER: "/".join(path[1:])}):  # without the model's own name
                return own(self, *args, **kwargs)
        finally:
            path.pop()

    layer.__call__ = named
    try:
        with traceback.preserve_node_meta():
            yield
    finally:
        layer.__call__ = own

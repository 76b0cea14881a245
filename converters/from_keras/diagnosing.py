"""Shows the values inside a Keras model's torch program, and takes operators out of it."""

from __future__ import annotations

from ..diagnosis_job import ExtractJob, TappedJob, Taps, Trace, TraceJob
from ..errors import EdgeproofError
from ..from_torch.executorch_tapped import extracted, tapped
from ..from_torch.tracing import trace_of
from .bridge import program_of


def trace(job: TraceJob) -> Trace:
    """The trace of a Keras model; NeedsTensorFlow if the torch backend cannot hold it."""
    return trace_of(program_of(job.program), job)


def make(job: TappedJob) -> Taps:
    """The tapped program of a Keras model."""
    return tapped(program_of(job.program), job)


def extract(job: ExtractJob) -> int:
    """Operators of a Keras model, lowered alone."""
    if job.program is None:
        raise EdgeproofError("no program was named", fix="report this as a bug")
    return extracted(program_of(job.program), job)

"""Finds out what a Keras source takes and gives."""

from __future__ import annotations

from dataclasses import replace

from ..errors import NotRepeatable
from ..hazards import notes_of, together
from ..job import DescribeJob, Description
from ..live_source import describe_source
from ..versions import versions_of
from .hazards import hazards_of_source, require_constant, training_calls
from .live import open_source


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError if it cannot be loaded, run, or is not repeatable."""
    live = open_source(job.source)
    with training_calls() as calls:
        try:
            found = describe_source(live, job, made_by=versions_of("keras", "tensorflow"))
        except NotRepeatable as error:
            reasons = (error.message, *(hazard.sentence for hazard in together(calls.hazards())))
            raise NotRepeatable("; ".join(reasons), fix=error.fix) from error
    if found.fingerprint is not None:
        require_constant(live.flat.model, found.fingerprint, calls.hazards())
    hazards = (*calls.hazards(), *hazards_of_source(live.flat.model, found.signature))
    return replace(found, notes=(*found.notes, *notes_of(hazards)))

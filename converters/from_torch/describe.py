"""Finds out what a PyTorch source takes and gives."""

from __future__ import annotations

from dataclasses import replace

from ..errors import NotRepeatable
from ..hazards import notes_of
from ..job import DescribeJob, Description
from ..live_source import describe_source
from ..versions import versions_of
from .live import open_source
from .program import notes_on
from .source_hazards import hazards_of_source, located


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError if it cannot be loaded, run, or is not repeatable."""
    live = open_source(job.source)
    try:
        found = describe_source(live, job, made_by=versions_of("torch"))
    except NotRepeatable as error:
        raise located(error, job.source) from error
    hazards = notes_of(hazards_of_source(job.source, found.signature))
    return replace(found, notes=(*found.notes, *notes_on(job.source), *hazards))

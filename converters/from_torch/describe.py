"""Finds out what a PyTorch source takes and gives."""

from __future__ import annotations

from dataclasses import replace

from ..job import DescribeJob, Description
from ..live_source import describe_source
from ..versions import versions_of
from .live import open_source
from .program import notes_on


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError if it cannot be loaded, run, or is not repeatable."""
    found = describe_source(open_source(job.source), job, made_by=versions_of("torch"))
    return replace(found, notes=(*found.notes, *notes_on(job.source)))

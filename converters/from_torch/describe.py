"""Finds out what a PyTorch source takes and gives."""

from __future__ import annotations

from ..job import DescribeJob, Description
from ..live_source import describe_source
from ..versions import versions_of
from .live import open_source


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError if it cannot be loaded, run, or is not repeatable."""
    return describe_source(open_source(job.source), job, made_by=versions_of("torch"))

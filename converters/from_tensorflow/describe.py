"""Finds out what a TensorFlow source takes and gives."""

from __future__ import annotations

from ..job import DescribeJob, Description
from ..live_source import describe_source
from ..versions import versions_of
from .live import open_source


def describe(job: DescribeJob) -> Description:
    """The signature of a source; raises SourceError, UnsafeInput if it cannot be loaded or run."""
    live = open_source(job.source)
    return describe_source(live, job, made_by=versions_of(*live.function.made_by))

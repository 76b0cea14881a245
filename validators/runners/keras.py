"""Runs Keras sources under TensorFlow."""

from __future__ import annotations

from ...converters.from_keras.live import open_source
from ...converters.job import ReferenceJob, RunResult
from ...converters.versions import versions_of
from .source import run_source


def run(job: ReferenceJob) -> RunResult:
    """Run a Keras source on stored calls; raises SourceError."""
    return run_source(open_source(job.source), job, made_by=versions_of("keras", "tensorflow"))

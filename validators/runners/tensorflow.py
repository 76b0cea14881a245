"""Runs TensorFlow sources: SavedModels, and models of Keras 2."""

from __future__ import annotations

import tensorflow as tf

from ...converters.from_tensorflow.live import Call, TensorFlowSource, open_source
from ...converters.job import ReferenceJob, RunResult
from ...converters.versions import versions_of
from .source import run_source


def run(job: ReferenceJob) -> RunResult:
    """Run a TensorFlow source on stored calls; raises SourceError."""
    opened = open_source(job.source)
    live = TensorFlowSource(opened.function, opened.examples, compiler=_as_function)
    return run_source(live, job, made_by=versions_of(*opened.function.made_by))


def _as_function(call: Call) -> Call:
    compiled: Call = tf.function(call, autograph=False, reduce_retracing=True)
    return compiled

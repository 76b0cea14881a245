"""Runs Keras sources under TensorFlow."""

from __future__ import annotations

import tensorflow as tf

from ...converters.from_keras.live import Call, KerasSource, open_source
from ...converters.job import ReferenceJob, RunResult
from ...converters.versions import versions_of
from .source import run_source


def run(job: ReferenceJob) -> RunResult:
    """Run a Keras source on stored calls; raises SourceError.

    It runs as one TensorFlow function: step by step a recurrent layer takes seconds for every call.
    """
    live = KerasSource(open_source(job.source).flat, compiler=_as_function)
    return run_source(live, job, made_by=versions_of("keras", "tensorflow"))


def _as_function(call: Call) -> Call:
    compiled: Call = tf.function(call, autograph=False, reduce_retracing=True)
    return compiled

"""Runs a source itself on stored calls: the values that artifacts are judged by."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from ...converters.errors import SourceError
from ...converters.fingerprint import require_same
from ...converters.jitter import moved_call
from ...converters.job import ReferenceJob, RunResult
from ...converters.live_source import LiveSource
from ...converters.loop import Loop
from ...converters.tensors import Call, read_calls, write_calls
from ...converters.worker.stages import stage


def run_source(live: LiveSource, job: ReferenceJob, *, made_by: dict[str, str]) -> RunResult:
    """Run the source on every call in `job.calls` and store its outputs in `job.outputs`.

    Raises SourceError if the model fails on one of the first `job.required` (later ones it may refuse), or if
    it is another one than the one that was described.
    """
    if job.fingerprint is not None:
        require_same(live.fingerprint, job.fingerprint)
    seconds: list[float] = []
    refused: list[int] = []
    with stage("run"), _as_asked(live, job):
        write_calls(Path(job.outputs), _timed(live, job, seconds, refused))
    return RunResult(
        calls=len(seconds),
        median_call_seconds=statistics.median(seconds) if seconds else 0.0,
        made_by=made_by,
        declared=job.signature,
        refused=tuple(refused),
    )


def _as_asked(live: LiveSource, job: ReferenceJob) -> AbstractContextManager[None]:
    """The source as it is, or with its weights moved."""
    return nullcontext() if job.jitter is None else live.jittered(np.random.default_rng(job.jitter))


def _calls(job: ReferenceJob) -> Iterator[Call]:
    if job.jitter is None:
        yield from read_calls(Path(job.calls))
        return
    generator = np.random.default_rng([job.jitter, 1])
    yield from (moved_call(call, generator) for call in read_calls(Path(job.calls)))


def _timed(live: LiveSource, job: ReferenceJob, seconds: list[float], refused: list[int]) -> Iterator[Call]:
    loop = Loop(job.feedback)
    for index, call in enumerate(loop.calls(_calls(job))):
        start = time.perf_counter()
        try:
            outputs = live.run(call)
        except SourceError:
            if index < job.required:
                raise
            refused.append(index)
            continue
        seconds.append(time.perf_counter() - start)
        yield loop.keep(outputs)

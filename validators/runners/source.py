"""Runs a source itself on stored calls: the values that artifacts are judged by."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from ...converters.job import ReferenceJob, RunResult
from ...converters.live_source import LiveSource
from ...converters.tensors import Call, read_calls, write_calls
from ...converters.worker.stages import stage


def run_source(live: LiveSource, job: ReferenceJob, *, made_by: dict[str, str]) -> RunResult:
    """Run the source on every call in `job.calls` and store its outputs in `job.outputs`.

    Raises SourceError if the model fails on one of them.
    """
    seconds: list[float] = []
    with stage("run"):
        write_calls(Path(job.outputs), _timed(live, job, seconds))
    return RunResult(
        calls=len(seconds),
        median_call_seconds=statistics.median(seconds) if seconds else 0.0,
        made_by=made_by,
        declared=job.signature,
    )


def _timed(live: LiveSource, job: ReferenceJob, seconds: list[float]) -> Iterator[Call]:
    for call in read_calls(Path(job.calls)):
        start = time.perf_counter()
        outputs = live.run(call)
        seconds.append(time.perf_counter() - start)
        yield outputs

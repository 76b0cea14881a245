"""Runs an artifact on stored calls: what a worker does for every format."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from ...converters.job import RunJob, RunResult
from ...converters.layouts import to_artifact, to_source
from ...converters.loop import Loop
from ...converters.processor import this_processor
from ...converters.tensors import Call, read_calls, write_calls
from ...converters.worker.stages import stage
from .protocol import OpenRunner, Runner


def run_calls(job: RunJob, open_runner: OpenRunner) -> RunResult:
    """Run `job.artifact` on the calls in `job.calls` and store its outputs, call by call, in `job.outputs`.

    Calls and stored outputs are in the source's layouts; only `run` sees the artifact's. A call's time is
    the runtime's alone, without reading, moving axes or writing. Raises LoadError or RunError.
    """
    seconds: list[float] = []
    with stage("load"):
        opened = open_runner(job.artifact)
    with opened as runner, stage("run"):
        write_calls(Path(job.outputs), _timed(runner, job, seconds))
        return RunResult(
            calls=len(seconds),
            median_call_seconds=statistics.median(seconds) if seconds else 0.0,
            made_by=runner.made_by,
            declared=runner.signature,
            processor=this_processor(),
        )


def _timed(runner: Runner, job: RunJob, seconds: list[float]) -> Iterator[Call]:
    layouts, loop = job.artifact.layouts, Loop(job.feedback)
    for call in loop.calls(read_calls(Path(job.calls))):
        inputs = to_artifact(call, layouts)
        start = time.perf_counter()
        outputs = runner.run(inputs)
        seconds.append(time.perf_counter() - start)
        yield loop.keep(to_source(outputs, layouts))
        if job.budget is not None and len(seconds) >= job.least and sum(seconds) >= job.budget:
            return

"""Runs an artifact on a target, in a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...converters.job import RunJob, RunResult
from ...converters.tensors import Call, read_calls, write_calls
from ...converters.worker.stages import stage
from .job import TargetJob
from .known import target_named
from .selection import selection

# What an emulated artifact may compute, and the calls it makes at least; starting the guest comes on top.
_BUDGET_SECONDS = 20.0
_LEAST = 4
# A sequence is one only with a second call, which gets the state of the first.
_OF_A_SEQUENCE = 2


def run(job: TargetJob) -> RunResult:
    """Run `job.run` there; on a slow target as many of its calls as it manages."""
    target = target_named(job.target, folder=Path(job.folder))
    with tempfile.TemporaryDirectory(prefix="edgeproof-target-") as text, stage("run"):
        scratch = Path(text)
        if not target.is_slow:
            # What is compared is ours to say, not the guest's.
            result = target.run(job.run, entry=job.entry, scratch=scratch)
            return replace(result, positions=None, emulated=False)
        order = selection(sum(1 for _ in read_calls(Path(job.run.calls))), real=job.real, feedback=job.run.feedback)
        some = _some_calls(job.run, order, scratch)
        result = target.run(some, entry=job.entry, scratch=scratch)
        positions = sorted(order[: result.calls])
        _sort_outputs(Path(some.outputs), order[: result.calls], Path(job.run.outputs))
        return replace(result, positions=tuple(positions), emulated=True)


def _some_calls(job: RunJob, order: Sequence[int], scratch: Path) -> RunJob:
    """The job with the calls in that order, and a budget."""
    calls = scratch / "calls.npz"
    write_calls(calls, _in_order(Path(job.calls), order))
    feedback = job.feedback
    if feedback is not None:
        feedback = replace(feedback, start=sum(position < feedback.start for position in order))
    return replace(
        job,
        calls=str(calls),
        outputs=str(scratch / "some-outputs.npz"),
        feedback=feedback,
        budget=_BUDGET_SECONDS,
        least=_LEAST if feedback is None else max(_LEAST, feedback.start + _OF_A_SEQUENCE),
    )


def _in_order(path: Path, order: Sequence[int]) -> Iterator[Call]:
    wanted = set(order)
    kept = {place: call for place, call in enumerate(read_calls(path)) if place in wanted}
    return (kept[place] for place in order)


def _sort_outputs(path: Path, order: Sequence[int], outputs: Path) -> None:
    """Store the outputs by ascending position of their calls."""
    by_position = dict(zip(order, read_calls(path), strict=True))
    write_calls(outputs, (by_position[position] for position in sorted(by_position)))

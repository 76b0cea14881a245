"""Running on a target, in a worker: which calls, in which order they come back, and whose word counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import NotRunnable
from edgeproof.converters.feedback import Feedback
from edgeproof.converters.job import RunJob, RunResult
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature
from edgeproof.converters.tensors import Call, read_calls, write_calls
from edgeproof.validators.targets import run as running
from edgeproof.validators.targets.job import TargetJob


class Double:
    """A target that gives each call doubled, and stops after `most` of them."""

    name = "double"
    needs_network = False

    def __init__(self, *, is_slow: bool, most: int = 1000, **said: object) -> None:
        self.is_slow = is_slow
        self._most = most
        self._said = said
        self.jobs: list[RunJob] = []

    def unavailable(self, format_name: str) -> NotRunnable | None:
        del format_name
        return None

    def run(self, job: RunJob, *, entry: str, scratch: Path) -> RunResult:
        del entry, scratch
        self.jobs.append(job)
        calls = list(read_calls(Path(job.calls)))[: self._most]
        write_calls(Path(job.outputs), self._outputs(calls))
        return replace(RunResult(calls=len(calls), median_call_seconds=1.0, made_by={}), **self._said)  # type: ignore[arg-type]  # by name

    def _outputs(self, calls: list[dict[str, np.ndarray]]) -> Iterator[Call]:
        return ({"y": 2 * call["x"]} for call in calls)


def job_for(folder: Path, *, count: int, real: int, feedback: Feedback | None = None) -> TargetJob:
    write_calls(folder / "calls.npz", ({"x": np.float32([place])} for place in range(count)))
    artifact = Artifact(
        file="x.onnx",
        format="onnx",
        backend="any",
        precision=Precision.FP32,
        signature=Signature(inputs=(), outputs=()),
        sha256="",
        bytes=0,
    )
    run = RunJob(
        artifact=artifact, calls=str(folder / "calls.npz"), outputs=str(folder / "outputs.npz"), feedback=feedback
    )
    return TargetJob(run=run, target="double", entry="a:b", folder=str(folder), real=real)


def ran(target: Double, job: TargetJob, monkeypatch: pytest.MonkeyPatch) -> tuple[RunResult, list[float]]:
    monkeypatch.setattr(running, "target_named", lambda _name, **_folder: target)
    result = running.run(job)
    return result, [float(call["y"][0]) for call in read_calls(Path(job.run.outputs))]


def test_a_slow_target_gives_what_it_managed_in_the_order_of_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, outputs = ran(Double(is_slow=True, most=4), job_for(tmp_path, count=7, real=2), monkeypatch)
    assert result.positions == (0, 1, 2, 3)
    assert result.emulated
    assert outputs == [0.0, 2.0, 4.0, 6.0]


def test_a_fast_target_runs_them_all_and_cannot_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Double(is_slow=False, positions=(0,), emulated=True)
    result, outputs = ran(target, job_for(tmp_path, count=3, real=1), monkeypatch)
    assert (result.positions, result.emulated) == (None, False)
    assert outputs == [0.0, 2.0, 4.0]


def test_a_sequence_is_reached_before_the_budget_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Double(is_slow=True)
    feedback = Feedback(start=20, state={"h": "g"})
    result, _ = ran(target, job_for(tmp_path, count=40, real=10, feedback=feedback), monkeypatch)
    (job,) = target.jobs
    assert job.feedback is not None
    assert job.feedback.start == 7, "the example, three samples and three probes"
    assert job.least == 9
    assert result.positions is not None
    assert result.positions[-8:] == tuple(range(20, 28))

"""The order of turns, what ends a series, and the rows that come of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from latency_rows import manifest_of, row

from edgeproof.converters.errors import LoadError, NotRunnable, WorkerCrashed
from edgeproof.converters.job import Measurement
from edgeproof.converters.precision import Precision
from edgeproof.validators.latency.measuring import Series, measure_task, turns
from edgeproof.validators.latency.planning import candidates_of
from edgeproof.validators.latency.report import AgainstFloat, Measured
from edgeproof.validators.latency.rows import refuse_changed, rows_of
from edgeproof.validators.latency.spread import Difference

FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8


def series_of(*formats_and_precisions: tuple[str, Precision], threads: tuple[int, ...] = (1,)) -> list[Series]:
    rows = tuple(row(precision, 1.0, format=name) for name, precision in formats_and_precisions)
    found = candidates_of(manifest_of(rows), Path("out"), None)
    return [Series(candidate=each, threads=count) for each in found for count in threads]


def measured(series: Series, *seconds: float) -> None:
    series.rounds.append(Measurement(seconds=seconds, made_by={"runtime": "1"}, memory=1 << 20, rounding=2))


def test_each_round_another_artifact_is_first() -> None:
    series = series_of(("onnx", FP32), ("onnx", FP16), ("onnx", INT8), ("litert", FP32))
    orders = [[one.candidate.record.file for one in turns(series, number)] for number in range(3)]
    assert [order[0] for order in orders] == ["net.onnx.fp32", "net.onnx.fp16", "net.onnx.int8"]
    assert all(order[3] == "net.litert.fp32" for order in orders)
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_artifacts_that_are_compared_follow_each_other() -> None:
    order = turns(series_of(("onnx", FP32), ("onnx", INT8), threads=(1, 2)), 0)
    assert [(one.threads, one.candidate.record.precision) for one in order] == [
        (1, FP32),
        (1, INT8),
        (2, FP32),
        (2, INT8),
    ]


def test_rows_stand_beside_float() -> None:
    series = series_of(("onnx", FP32), ("onnx", INT8))
    measured(series[0], 0.010, 0.010)
    measured(series[1], 0.004, 0.004)
    measured(series[1], 0.006)
    base, ours = rows_of(series)
    assert base.against_float == AgainstFloat(times=1.0, difference=Difference.NONE)
    assert ours.against_float == AgainstFloat(times=pytest.approx(0.4), difference=Difference.FASTER)
    assert (ours.calls, ours.rounds, ours.of_float, ours.memory) == (3, 2, 0.25, 1 << 20)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LoadError("broken", fix="mend"), Measured.LOAD_FAIL, 1),
        (WorkerCrashed("SIGSEGV", fix="read the log"), Measured.RUN_FAIL, 6),
        (NotRunnable("no runtime", fix="install it"), Measured.NOT_RUN, 4),
    ],
)
def test_a_failure_is_a_row_with_its_reason(error: LoadError, status: Measured, code: int) -> None:
    [series] = series_of(("onnx", FP32))
    series.error = error
    [found] = rows_of([series])
    assert (found.status, found.exit_code, found.reason, found.fix) == (status, code, error.message, error.fix)
    assert found.milliseconds is None


def test_a_file_that_is_another_is_not_measured(tmp_path: Path) -> None:
    rows = (row(FP32, 1.0),)
    (tmp_path / rows[0].file).write_bytes(b"something else")
    [candidate] = candidates_of(manifest_of(rows), tmp_path, None)
    series = Series(candidate=candidate, threads=1)
    refuse_changed([series])
    [found] = rows_of([series])
    assert (found.status, found.code, found.exit_code) == (Measured.CHANGED, "changed-file", 1)
    assert "SHA-256" in found.reason


def test_a_format_of_another_distribution_is_not_measured() -> None:
    [series] = series_of(("coreml", FP32))
    with pytest.raises(NotRunnable, match="coreml"):
        measure_task(series.candidate.artifact, 1, calls=Path("calls.npz"), look=False)

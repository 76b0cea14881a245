"""What counts as worse than an earlier report, and what is noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from outcomes import outcome_of, row_with

from edgeproof.validators.parity import ParityReport, ParityRow, Status, TensorParity
from edgeproof.validators.regressions import Figure, regressions


def output(**changes: Any) -> TensorParity:
    made = TensorParity(
        name="scores", status=Status.PASS, dtype="float32", calls=4, elements=40, scale=1.0, max_abs=1e-6,
        max_rel_to_scale=1e-6, rms=1e-7, rms_rel_to_scale=1e-7, sqnr_db=30.0, top1=1.0, mismatches=40,
    )  # fmt: skip
    return replace(made, **changes)


def report(*rows: ParityRow, **changes: Any) -> ParityReport:
    return outcome_of(*rows, **changes).report


def with_output(precision: str = "int8", **changes: Any) -> ParityReport:
    return report(row_with(precision=precision, outputs=(output(**changes),)))


def found(before: ParityReport, now: ParityReport) -> list[Figure]:
    return [one.figure for one in regressions(now, before)]


def test_a_report_is_not_worse_than_itself() -> None:
    for precision in ("fp32", "fp16", "int8"):
        same = with_output(precision)
        assert regressions(same, same) == ()


@pytest.mark.parametrize(
    ("precision", "before", "now", "worse"),
    [
        ("fp32", {"noise_ratio": 1.2}, {"noise_ratio": 2.4}, None),
        ("fp32", {"noise_ratio": 1.2}, {"noise_ratio": 2.5}, Figure.NOISE_RATIO),
        ("fp32", {"noise_ratio": 0.1}, {"noise_ratio": 1.0}, None),
        ("fp32", {"noise_ratio": 3.0}, {"noise_ratio": 5.0}, None),
        ("fp32", {"noise_ratio": None, "rms_rel_to_scale": 1e-7}, {"noise_ratio": 9.0, "rms_rel_to_scale": 1e-7}, None),
        ("fp32", {"max_rel_to_scale": 1e-6}, {"max_rel_to_scale": 5e-6}, None),
        ("fp32", {"max_rel_to_scale": 1e-6}, {"max_rel_to_scale": 7e-6}, Figure.MAX),
        ("fp32", {"max_rel_to_scale": 6e-6}, {"max_rel_to_scale": 1.19e-5}, None),
        ("fp32", {"max_rel_to_scale": 0.0}, {"max_rel_to_scale": 6e-6}, Figure.MAX),
        ("fp32", {"rms_rel_to_scale": 1e-7}, {"rms_rel_to_scale": 7e-7}, Figure.RMS),
        ("fp32", {"sqnr_db": 120.0}, {"sqnr_db": 110.0}, None),
        ("int8", {"sqnr_db": 30.0}, {"sqnr_db": 29.0}, None),
        ("int8", {"sqnr_db": 30.0}, {"sqnr_db": 28.9}, Figure.SQNR),
        ("int8", {"sqnr_db": 30.0}, {"sqnr_db": 40.0}, None),
        ("int8", {"sqnr_db": None, "max_abs": 0.0}, {"sqnr_db": 110.0}, None),
        ("int8", {"sqnr_db": None, "max_abs": 0.0}, {"sqnr_db": 60.0}, Figure.SQNR),
        ("int8", {"sqnr_db": 60.0}, {"sqnr_db": None, "max_abs": 0.0}, None),
        ("int8", {"sqnr_db": None, "max_abs": 0.5}, {"sqnr_db": 12.0}, None),
        ("fp16", {"sqnr_db": 70.0}, {"sqnr_db": 65.0}, Figure.SQNR),
        ("int8", {"top1": 0.99}, {"top1": 0.98}, None),
        ("int8", {"top1": 0.99}, {"top1": 0.979}, Figure.TOP1),
        ("int8", {"top1": None}, {"top1": 0.1}, None),
        ("int8", {"max_rel_to_scale": 0.1}, {"max_rel_to_scale": 0.9}, None),
    ],
)
def test_a_figure_is_worse_beyond_noise_alone(
    precision: str, before: dict[str, Any], now: dict[str, Any], worse: Figure | None
) -> None:
    assert found(with_output(precision, **before), with_output(precision, **now)) == ([worse] if worse else [])


@pytest.mark.parametrize(("mismatches", "worse"), [(2, []), (3, []), (4, [Figure.CHANGED])])
def test_integers_are_counted_and_have_no_ratio_of_signal_to_noise(mismatches: int, worse: list[Figure]) -> None:
    before = with_output(dtype="int64", elements=100, mismatches=2, sqnr_db=40.0)
    now = with_output(dtype="int64", elements=100, mismatches=mismatches, sqnr_db=3.0)
    assert found(before, now) == worse


def test_a_row_that_passed_and_does_not_is_worse_whatever_it_is_now() -> None:
    for status in set(Status) - {Status.PASS}:
        [one] = regressions(report(row_with(status=status)), report(row_with()))
        assert (one.figure, one.before, one.now) == (Figure.STATUS, "PASS", status.value)
        assert one.sentence == f"onnx fp32 on host: passed before, and is {status} now"


def test_a_row_that_failed_before_may_fail_again_or_pass() -> None:
    before = report(row_with(status=Status.FAIL, bytes=1))
    assert regressions(before, before) == ()
    assert regressions(report(row_with()), before) == ()


def test_a_row_that_is_missing_is_worse_and_a_new_one_is_not() -> None:
    one, two = row_with(), row_with(format="litert", file="net.litert.fp32.tflite")
    [missing] = regressions(report(one), report(one, two))
    assert (missing.figure, missing.where) == (Figure.MISSING, "litert fp32 on host")
    assert regressions(report(one, two), report(one)) == ()


def test_of_one_artifact_the_others_are_not_missed() -> None:
    one, two = row_with(), row_with(format="litert", file="net.litert.fp32.tflite")
    assert regressions(report(one), report(one, two), only=one.file) == ()
    assert [each.figure for each in regressions(report(), report(one, two), only=two.file)] == [Figure.MISSING]


@pytest.mark.parametrize(("size", "worse"), [(1050, []), (1051, [Figure.BYTES]), (100, []), (None, [])])
def test_a_file_may_grow_by_a_twentieth(size: int | None, worse: list[Figure]) -> None:
    assert found(report(row_with(bytes=1000)), report(row_with(bytes=size))) == worse


def test_an_output_that_is_gone_is_worse() -> None:
    [gone] = regressions(report(row_with(outputs=())), report(row_with()))
    assert (gone.figure, gone.where) == (Figure.OUTPUT, "onnx fp32 on host, 'scores'")


def test_on_other_samples_no_figure_is_compared_and_that_is_said() -> None:
    before = report(row_with(precision="int8", outputs=(output(),)), samples_sha256="2" * 64)
    now = with_output(sqnr_db=1.0)
    [other] = regressions(now, before)
    assert (other.figure, other.where) == (Figure.SAMPLES, "")
    assert "other samples" in other.sentence


def test_the_sentence_has_both_values_and_what_is_allowed() -> None:
    [one] = regressions(with_output(sqnr_db=20.25), with_output(sqnr_db=None, max_abs=0.0))
    assert one.sentence == ("onnx int8 on host, 'scores': SQNR is 20.2 dB, before 100 dB or more; 1 dB less is allowed")
    assert (one.before, one.now) == (100.0, 20.25)

"""Verdict and exit code of a report, whatever its rows are."""

from __future__ import annotations

import itertools

import pytest

from edgeproof.converters.processor import Processor
from edgeproof.validators.parity import ParityReport, ParityRow, Status, Verdict, exit_code, verdict_of


def row(status: Status, *, code: int | None = None) -> ParityRow:
    return ParityRow(file="m.onnx", format="onnx", precision="fp32", target="host", status=status, exit_code=code)


def report(*rows: ParityRow) -> ParityReport:
    return ParityReport(
        verdict=verdict_of(rows),
        results=rows,
        source="m",
        source_sha256="0",
        samples_sha256="0",
        samples=1,
        real_samples=True,
        seed=0,
        processor=Processor(machine="x86_64", name="test"),
        edgeproof="0",
    )


BY_STATUS = {
    Status.PASS: 0,
    Status.FAIL: 1,
    Status.LOAD_FAIL: 1,
    Status.RUN_FAIL: 1,
    Status.CONVERT_FAIL: 3,
    Status.QUANTIZE_FAIL: 3,
    Status.NOT_RUN: 4,
}


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_its_exit_code(status: Status):
    assert exit_code(report(row(status))) == BY_STATUS[status]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PASS])
def test_only_passes_pass(status: Status):
    mixed = report(row(Status.PASS), row(status), row(Status.PASS))
    assert mixed.verdict is (Verdict.NOT_RUN if status is Status.NOT_RUN else Verdict.FAIL)
    assert exit_code(mixed) != 0


def test_nothing_judged_is_not_run():
    assert report().verdict is Verdict.NOT_RUN
    assert exit_code(report()) == 4


def test_not_run_beside_a_failure_is_a_failure():
    assert report(row(Status.NOT_RUN), row(Status.FAIL)).verdict is Verdict.FAIL


def test_the_gravest_cause_gives_the_exit_code():
    order = [6, 5, 2, 1, 3, 4]
    rows = {
        6: row(Status.CONVERT_FAIL, code=6),
        5: row(Status.CONVERT_FAIL, code=5),
        2: row(Status.RUN_FAIL, code=2),
        1: row(Status.FAIL),
        3: row(Status.CONVERT_FAIL),
        4: row(Status.NOT_RUN),
    }
    for graver, lesser in itertools.combinations(order, 2):
        assert exit_code(report(rows[lesser], rows[graver], row(Status.PASS))) == graver


def test_an_error_speaks_for_its_row_but_never_for_a_pass():
    assert exit_code(report(row(Status.RUN_FAIL, code=6))) == 6
    assert exit_code(report(row(Status.PASS, code=6))) == 0
    assert exit_code(report(row(Status.FAIL, code=0))) == 1


def test_a_code_that_is_not_in_the_contract_is_a_bug_of_ours():
    assert exit_code(report(row(Status.FAIL, code=77))) == 6

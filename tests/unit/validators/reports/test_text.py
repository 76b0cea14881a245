"""The report as plain text: what did not pass, with figures, limits and what to do."""

from __future__ import annotations

from dataclasses import replace

from reports import HOSTILE, failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.reports.text import failure_text


def test_a_failure_names_row_output_figures_limit_and_fix() -> None:
    text = failure_text(
        report((row("onnx", Status.PASS, judged=outputs()), row("litert", Status.FAIL, judged=outputs(1.01))))
    )
    assert text.startswith(
        "FAIL: 1 of 2 artifacts passed\nFAIL digits.litert.fp32.bin on host (tolerance): 'scores' is too far"
    )
    assert "\n  output 'scores': FAIL over 4 calls\n    " in text
    assert text.count("too far from the source") == 1
    assert ", limit " in text
    assert "would pass at" in text
    assert "largest difference " in text
    assert "furthest off: call " in text
    assert "\n  fix: " in text
    assert "onnx" not in text.replace("--to onnx", "")
    assert "'boxes" not in text


def test_every_row_that_is_no_pass_is_there() -> None:
    text = failure_text(failing_report())
    for status in set(Status) - {Status.PASS}:
        assert f"\n{status} " in text
    assert "NOT_RUN digits.ncnn.fp32.bin on host: no runtime\n  fix: pip install it" in text
    assert "Judged on generated inputs alone" in text


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = failure_text(report((replace(row("onnx", Status.RUN_FAIL), reason=HOSTILE, log=HOSTILE),)))
    assert "\x1b" not in text
    assert "\ud800" not in text


def test_a_report_without_rows_says_that_nothing_was_judged() -> None:
    assert failure_text(report(())).startswith("NOT_RUN: Nothing was judged")

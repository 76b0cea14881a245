"""Annotations: one line each, whatever the texts hold, and never a pass where there is none."""

from __future__ import annotations

import re

import pytest
from reports import HOSTILE, failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.regressions import Figure, Regression
from edgeproof.validators.reports.github import Level, annotation, commands_of, summary_text

_COMMAND = re.compile(r"::(?P<level>error|warning|notice) title=(?P<title>[^:,\r\n]*)::(?P<message>[^\r\n]*)")
WORSE = Regression(figure=Figure.SQNR, reason="SQNR is 20 dB", format="onnx", precision="int8", target="host")


def parsed(line: str) -> tuple[str, str, str]:
    """A command as GitHub's runner reads it."""
    match = _COMMAND.fullmatch(line)
    assert match is not None, line
    title = match["title"].replace("%3A", ":").replace("%2C", ",")
    texts = (text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") for text in (title, match["message"]))
    return match["level"], *texts


@pytest.mark.parametrize("text", ["100 % of a:b, c", "two\r\nlines", "%0A", "::error::x", "%25", "a%3Ab", ""])
def test_every_text_arrives_as_it_was(text: str) -> None:
    assert parsed(annotation(Level.ERROR, text, text)) == ("error", text, text)


def test_the_escapes_are_those_of_the_runner() -> None:
    line = annotation(Level.WARNING, "50 %: a, b", "50 %: a, b\r\nnext")
    assert line == "::warning title=50 %25%3A a%2C b::50 %25: a, b%0D%0Anext"


def test_a_hostile_text_stays_on_its_line() -> None:
    level, title, message = parsed(annotation(Level.ERROR, HOSTILE, HOSTILE))
    assert level == "error"
    assert "\x1b" not in title + message
    assert "\ud800" not in title + message


def test_every_row_that_is_no_pass_is_one_annotation_and_a_notice_sums_up() -> None:
    judged = failing_report()
    lines = [parsed(line) for line in commands_of(judged)]
    levels = [level for level, _, _ in lines]
    assert levels == ["error", "error", "error", "error", "warning", "error", "error", "notice"]
    assert lines[0][1] == "edgeproof: FAIL digits.litert.fp32.bin on host"
    assert "too far from the source" in lines[0][2]
    assert "\nfix: " in lines[0][2]
    assert lines[-1][1] == "edgeproof: FAIL"
    assert lines[-1][2].startswith("1 of 8 runs passed. Judged on generated inputs alone")


@pytest.mark.parametrize("status", list(Status))
def test_only_a_pass_has_no_annotation_of_its_own(status: Status) -> None:
    lines = list(commands_of(report((row("onnx", status, judged=outputs()),))))
    assert len(lines) == (1 if status is Status.PASS else 2)


def test_a_report_without_rows_is_an_error() -> None:
    [line] = commands_of(report(()))
    assert parsed(line)[0] == "error"


def test_what_is_worse_than_the_baseline_is_an_error_beside_a_pass() -> None:
    passed = report((row("onnx", Status.PASS, judged=outputs()),))
    lines = [parsed(line) for line in commands_of(passed, (WORSE,))]
    assert [level for level, _, _ in lines] == ["error", "notice"]
    assert lines[0][2] == "onnx int8 on host: SQNR is 20 dB"


def test_the_summary_is_the_report_with_what_is_worse_before_it() -> None:
    passed = report((row("onnx", Status.PASS, judged=outputs()),))
    assert summary_text(passed).startswith("## PASS: ")
    text = summary_text(passed, (WORSE,))
    assert text.startswith("## Worse than the baseline\n\n- onnx int8 on host: SQNR is 20 dB\n\n## PASS: ")

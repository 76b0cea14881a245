"""Markdown: a table with one line per row, in which nobody's text is markup."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from reports import HOSTILE, failing_report, outputs, report, row

from edgeproof.validators.parity import Status
from edgeproof.validators.reports.markdown import code, markdown, plain

SEPARATOR = re.compile(r"(?<!\\)\|")


def table(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_every_row_is_one_line_of_the_table():
    lines = table(markdown(failing_report()))
    assert len(lines) == 2 + len(failing_report().results)
    assert {len(SEPARATOR.findall(line)) for line in lines} == {8}


def test_the_verdict_comes_first():
    assert markdown(failing_report()).startswith("## FAIL")
    assert markdown(report((row("onnx", Status.PASS, judged=outputs()),))).startswith("## PASS")
    assert markdown(report(())).startswith("## NOT\\_RUN") or "NOT_RUN" in markdown(report(())).splitlines()[0]


def test_generated_samples_are_said():
    assert "generated inputs alone" in markdown(failing_report())
    assert "generated inputs alone" not in markdown(failing_report(real=True))


@pytest.mark.parametrize("escape", [plain, code])
def test_hostile_text_stays_on_one_line(escape: Callable[[str], str]):
    text = escape(HOSTILE)
    assert "\n" not in text
    assert "\x1b" not in text
    assert "\x00" not in text


def test_hostile_text_is_not_markup():
    assert "</script>" not in plain(HOSTILE).replace("\\<", "").replace("\\>", "")
    assert code(HOSTILE).count("`") == 2


def test_a_failure_shows_limits_and_fix():
    text = markdown(failing_report())
    assert "would pass at" in text
    assert "**fix:**" in text

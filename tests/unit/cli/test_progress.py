from __future__ import annotations

import io

import pytest
from outcomes import outcome_of, row_with
from rich.console import Console

from edgeproof.cli.invocation import QUIET
from edgeproof.cli.progress import JobBoard, PlainLines, shown_progress, write_timings
from edgeproof.converters.worker.pool import Progress


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _shown(board: JobBoard) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(board)
    return [line.split() for line in str(console.file.getvalue()).splitlines()]  # type: ignore[attr-defined]


def test_the_board_has_one_line_per_job_with_its_stage_and_time() -> None:
    clock = _Clock()
    board = JobBoard(ascii_only=True, clock=clock)
    board.hear(Progress(title="source", stage="queued"))
    board.hear(Progress(title="onnx fp32", stage="queued"))
    board.hear(Progress(title="source", stage="import"))
    clock.now = 3.0
    board.hear(Progress(title="source", stage="done"))
    clock.now = 9.0
    lines = _shown(board)
    assert lines[0] == ["+", "source", "done", "3.0", "s"]
    assert lines[1] == ["onnx", "fp32", "queued"]


def test_a_failed_job_keeps_its_time() -> None:
    clock = _Clock()
    board = JobBoard(ascii_only=True, clock=clock)
    board.hear(Progress(title="onnx fp32", stage="lower"))
    clock.now = 1.5
    board.hear(Progress(title="onnx fp32", stage="failed"))
    clock.now = 60.0
    assert _shown(board) == [["x", "onnx", "fp32", "failed", "1.5", "s"]]


def test_outside_of_a_terminal_every_event_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    clock = _Clock()
    lines = PlainLines(verbose=False, clock=clock)
    lines.hear(Progress(title="onnx fp32", stage="queued"))
    clock.now = 2.0
    lines.hear(Progress(title="onnx fp32", stage="lower"))
    assert capsys.readouterr().err == "    2.0 s  onnx fp32: lower\n"


def test_a_stage_that_a_job_enters_again_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines(verbose=False, clock=_Clock())
    for title, stage in (("a", "lower"), ("a", "lower"), ("b", "lower"), ("a", "run"), ("a", "lower")):
        lines.hear(Progress(title=title, stage=stage))
    said = [line.partition("s  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == ["a: lower", "b: lower", "a: run", "a: lower"]


def test_verbose_lines_also_say_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    PlainLines(verbose=True).hear(Progress(title="onnx fp32", stage="queued"))
    assert "onnx fp32: queued" in capsys.readouterr().err


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(QUIET) as listener:
        listener(Progress(title="onnx fp32", stage="lower"))
    assert capsys.readouterr() == ("", "")


def test_progress_never_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(0) as listener:
        listener(Progress(title="onnx fp32", stage="lower"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "lower" in shown.err


def test_timings_say_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    write_timings(outcome_of(row_with()).timings)
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "    4.0 s  onnx fp32: export 1.5, lower 2.5, 1.0 GiB at most"

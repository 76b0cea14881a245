from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from outcomes import failed_row, outcome_of, row_with, unmade_row
from rich.console import Console

from edgeproof.cli.output import details, largest_difference, lowest_sqnr, outcome_json, result_table, write_outcome
from edgeproof.validators.parity import Status, TensorParity
from edgeproof.validators.reports.wording import NO_FIGURE
from edgeproof.validators.request import Outcome


def _table(outcome: Outcome, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(result_table(outcome, width=width))
    return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined]


def _details(outcome: Outcome) -> str:
    return "\n".join(line.plain for line in details(outcome.report))


def test_a_row_shows_what_was_measured() -> None:
    lines = _table(outcome_of(row_with()), 100)
    assert lines[1].split() == [
        "format", "precision", "target", "bytes", "difference", "SQNR", "seconds", "verdict",
    ]  # fmt: skip
    assert lines[2].split() == ["onnx", "fp32", "host", "20.0", "KiB", "3.5e-07", "121.2", "dB", "4.5", "PASS"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal_with_the_longest_names(width: int) -> None:
    lines = _table(outcome_of(row_with(format="torchscript"), failed_row(), unmade_row()), width)
    assert len(lines) == 5
    assert all(len(line) <= width for line in lines)
    assert not any("…" in line for line in lines)


def test_the_worst_output_counts() -> None:
    good = TensorParity(name="a", status=Status.PASS, max_abs=1e-9, sqnr_db=150.0, calls=1)
    bad = TensorParity(name="b", status=Status.PASS, max_abs=1e-3, sqnr_db=60.0, calls=1)
    same = TensorParity(name="c", status=Status.PASS, max_abs=0.0, calls=1)
    assert largest_difference(row_with(outputs=(good, bad, same))) == "1.0e-03"
    assert lowest_sqnr(row_with(outputs=(good, bad, same))) == "60.0 dB"
    assert largest_difference(row_with(outputs=(same,))) == "0"
    assert lowest_sqnr(row_with(outputs=(same,))) == "identical"


def test_what_was_not_compared_is_a_dash() -> None:
    assert largest_difference(unmade_row()) == lowest_sqnr(unmade_row()) == NO_FIGURE


def test_a_failure_is_explained_with_its_fix_and_log() -> None:
    text = _details(outcome_of(row_with(), failed_row(), unmade_row()))
    assert "FAIL litert fp32 on host: 'scores' is off by 0.25, and 1e-05 is allowed" in text
    assert "fix: look at it" in text
    assert "CONVERT_FAIL executorch fp32: no kernel for aten::stft, aten::istft" in text
    assert "log: /logs/03-executorch.log" in text
    assert "onnx" not in text.replace("--to onnx", "")


def test_notes_are_shown_once_with_the_rows_they_belong_to() -> None:
    rows = (row_with(notes=("unrolled",)), row_with(format="litert", notes=("unrolled",)))
    assert _details(outcome_of(*rows)) == "note: onnx fp32, litert fp32: unrolled"


def test_generated_inputs_are_called_that() -> None:
    assert "generated inputs alone" in _details(outcome_of(row_with(), real_samples=False))
    assert _details(outcome_of(row_with())) == ""


def test_text_from_elsewhere_cannot_command_the_terminal() -> None:
    row = failed_row()
    text = _details(outcome_of(replace(row, reason="\x1b[2J\x07gone\nsecond line", notes=("[red]not markup[/red]",))))
    assert "\x1b" not in text
    assert "\\x1b[2J\\x07gone\nsecond line" in text
    assert "[red]not markup[/red]" in text


def test_the_line_below_the_table_says_verdict_time_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = outcome_of(row_with(), failed_row(), folder=tmp_path / "out")
    write_outcome(outcome, as_json=False, folder=outcome.folder)
    lines = capsys.readouterr().out.splitlines()
    assert "FAIL  1 of 2 artifacts passed, 12.3 s, out" in lines
    assert not any("\x1b" in line for line in lines)


def test_json_is_one_document_with_everything(tmp_path: Path) -> None:
    document = json.loads(outcome_json(outcome_of(row_with(), failed_row()), folder=tmp_path))
    assert document["verdict"] == "FAIL"
    assert document["folder"] == str(tmp_path)
    assert document["seconds"] == 12.34
    assert [row["status"] for row in document["report"]["results"]] == ["PASS", "FAIL"]
    assert document["timings"][0]["stages"] == {"export": 1.5, "lower": 2.5}

"""The file of a baseline: read or refused, kept, tightened or replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from outcomes import failed_row, outcome_of, row_with

from edgeproof.converters.errors import InputError, UsageError
from edgeproof.validators.baseline import Update, Written, read_baseline, tightened
from edgeproof.validators.parity import ParityReport, ParityRow, Status, Verdict
from edgeproof.validators.reports.json import decode, encode

TIGHTEN, REPLACE = Update.TIGHTEN, Update.REPLACE


def report(*rows: ParityRow, **changes: Any) -> ParityReport:
    return outcome_of(*(rows or (quantised(30.0),)), **changes).report


def quantised(sqnr_db: float | None, **changes: Any) -> ParityRow:
    [scores] = row_with().outputs
    output = replace(scores, sqnr_db=sqnr_db, top1=1.0, max_abs=0.1 if sqnr_db else 0.0)
    return row_with(precision="int8", outputs=(output,), **changes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A stored baseline of 30 dB."""
    place = tmp_path / "baseline.json"
    place.write_bytes(encode(report()))
    return place


def stored(file: Path) -> ParityReport:
    return decode(file.read_bytes())


def sqnr(file: Path) -> float | None:
    return stored(file).results[0].outputs[0].sqnr_db


def compare(file: Path, now: ParityReport, update: Update | None = None) -> tuple[int, Written | None]:
    comparison = read_baseline(file, update=update, folder=file.parent / "out").compare(now)
    return comparison.exit_code, comparison.written


def test_a_run_that_is_worse_is_1_and_one_that_is_not_is_0(file: Path) -> None:
    assert compare(file, report(quantised(29.5))) == (0, None)
    assert compare(file, report(quantised(28.0))) == (1, None)
    assert compare(file, report(failed_row())) == (1, None)
    assert sqnr(file) == 30.0


def test_without_the_file_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.json does not exist\nfix: .*--update-baseline"):
        read_baseline(tmp_path / "missing.json", update=None, folder=tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an edgeproof parity report"),
        (b"{", "not an edgeproof parity report"),
        (b"\x00\xff", "not an edgeproof parity report"),
        (b'{"schema": 99}', "schema 99"),
        (b'{"schema": 1, "verdict": "PASS"}', "does not fit"),
        (b"[" * 100_000, "not an edgeproof parity report"),
    ],
)
@pytest.mark.parametrize("update", [None, TIGHTEN, REPLACE])
def test_what_is_no_report_is_refused_and_left_alone(
    content: bytes, said: str, update: Update | None, tmp_path: Path
) -> None:
    place = tmp_path / "model.bin"
    place.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_baseline(place, update=update, folder=tmp_path / "out")
    assert "--update-baseline" in caught.value.fix
    assert place.read_bytes() == content


def test_a_folder_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(tmp_path, update=None, folder=tmp_path / "out")


def test_a_baseline_of_another_source_is_refused_unless_it_is_replaced(file: Path, tmp_path: Path) -> None:
    for update in (None, TIGHTEN):
        with pytest.raises(InputError, match=r"baseline of another source(.|\n)*--update-baseline replace"):
            read_baseline(file, update=update, folder=tmp_path / "out").require_source("9" * 64)
    read_baseline(file, update=None, folder=tmp_path / "out").require_source("0" * 64)
    read_baseline(file, update=REPLACE, folder=tmp_path / "out").require_source("9" * 64)


@pytest.mark.parametrize("update", [TIGHTEN, REPLACE])
def test_the_first_run_creates_the_file_if_it_passes(update: Update, tmp_path: Path) -> None:
    place = tmp_path / "new.json"
    assert compare(place, report(failed_row()), update) == (0, Written.KEPT)
    assert not place.exists()
    assert compare(place, report(), update) == (0, Written.CREATED)
    assert stored(place) == report()
    assert list(tmp_path.iterdir()) == [place]


def test_tightening_takes_what_is_better_alone(file: Path) -> None:
    before = file.read_bytes()
    assert compare(file, report(quantised(29.5)), TIGHTEN) == (0, Written.UNCHANGED)
    assert file.read_bytes() == before
    assert compare(file, report(quantised(33.0, bytes=20481)), TIGHTEN) == (0, Written.TIGHTENED)
    assert (sqnr(file), stored(file).results[0].bytes) == (33.0, 20480)
    assert compare(file, report(quantised(31.9)), TIGHTEN) == (1, Written.KEPT)
    assert sqnr(file) == 33.0


def test_small_steps_down_do_not_add_up(file: Path) -> None:
    codes = [compare(file, report(quantised(value)), TIGHTEN)[0] for value in (29.6, 29.2, 28.8)]
    assert codes == [0, 0, 1]


def test_replacing_accepts_what_is_worse_and_says_it(file: Path) -> None:
    comparison = read_baseline(file, update=REPLACE, folder=file.parent / "out").compare(report(quantised(20.0)))
    assert (comparison.exit_code, comparison.written, comparison.accepted) == (0, Written.REPLACED, True)
    assert len(comparison.regressions) == 1
    assert sqnr(file) == 20.0


@pytest.mark.parametrize("update", [TIGHTEN, REPLACE])
def test_a_run_that_did_not_pass_never_updates(update: Update, file: Path) -> None:
    before = file.read_bytes()
    better = quantised(60.0)
    for rows in ((better, failed_row()), (better, row_with(format="litert", status=Status.NOT_RUN))):
        now = report(*rows)
        assert now.verdict is not Verdict.PASS
        assert compare(file, now, update) == (0, Written.KEPT)
    assert compare(file, report(failed_row()), update) == (1, Written.KEPT)
    assert file.read_bytes() == before


def test_each_figure_is_the_better_of_both() -> None:
    [scores] = quantised(30.0).outputs
    one = replace(scores, sqnr_db=30.0, top1=0.9, noise_ratio=0.2, rms=0.3, max_abs=0.5, mismatches=7)
    two = replace(scores, sqnr_db=31.0, top1=0.8, noise_ratio=0.3, rms=0.2, max_abs=0.6, mismatches=6)
    both = tightened(report(row_with(outputs=(one,))), report(row_with(outputs=(two,))))
    [best] = both.results[0].outputs
    figures = (best.sqnr_db, best.top1, best.noise_ratio, best.rms, best.max_abs, best.mismatches)
    assert figures == (31.0, 0.9, 0.2, 0.2, 0.5, 6)
    assert any("best of several runs" in note for note in both.notes)
    assert tightened(both, report(row_with(outputs=(two,)))) == both


def test_an_identical_output_stays_identical() -> None:
    same, close = report(quantised(None)), report(quantised(80.0))
    for before, now in ((same, close), (close, same)):
        [best] = tightened(before, now).results[0].outputs
        assert (best.sqnr_db, best.max_abs) == (None, 0.0)


def test_rows_that_are_new_are_added_and_one_that_failed_gives_way() -> None:
    before, new = report(failed_row()), quantised(30.0)
    passed = row_with(format="litert", file="net.litert.fp32.tflite")
    assert tightened(before, report(passed, new)).results == (passed, new)
    assert tightened(before, report(passed, new)).verdict is Verdict.PASS


def test_an_update_is_about_the_whole_folder_and_lies_outside_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(UsageError, match="judge the folder"):
        read_baseline(tmp_path / "b.json", update=TIGHTEN, folder=folder, only="net.onnx")
    with pytest.raises(UsageError, match="keep the baseline elsewhere"):
        read_baseline(folder / "parity.json", update=TIGHTEN, folder=folder)
    with pytest.raises(UsageError, match="mkdir -p"):
        read_baseline(tmp_path / "no" / "b.json", update=TIGHTEN, folder=folder)
    (folder / "parity.json").write_bytes(encode(report()))
    assert read_baseline(folder / "parity.json", update=None, folder=folder).report == report()


def test_what_is_not_in_the_baseline_and_another_processor_are_noted(file: Path) -> None:
    other = replace(report().processor, name="another")
    now = report(quantised(30.0), row_with(), processor=other)
    notes = read_baseline(file, update=None, folder=file.parent / "out").compare(now).notes
    assert notes == (
        "not in the baseline: onnx fp32 on host",
        "the baseline was measured on another processor, a processor",
    )

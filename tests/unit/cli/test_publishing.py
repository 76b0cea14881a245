"""What verify and convert do with an outcome beside showing it: the baseline, annotations, the job's summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from latency_rows import manifest_of
from outcomes import failed_row, outcome_of, row_with

from edgeproof.cli.commands import convert as convert_command
from edgeproof.cli.commands import verify as verify_command
from edgeproof.cli.main import run
from edgeproof.converters.errors import InputError
from edgeproof.converters.manifest import FILE_NAME, encode, source_sha256
from edgeproof.converters.resolve import resolve
from edgeproof.validators.parity import ParityRow, Status
from edgeproof.validators.reports.json import decode
from edgeproof.validators.reports.json import encode as encode_report
from edgeproof.validators.request import Outcome
from edgeproof.validators.verification import Verification

BASE = ["verify", "out", "-q", "--baseline", "base.json"]
LARGER = row_with(bytes=30_000)
Give = Callable[..., None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a folder of artifacts and their baseline; nothing of GitHub around."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FILE_NAME).write_bytes(encode(manifest_of(())))
    store(tmp_path / "base.json", row_with())
    return tmp_path


def store(path: Path, *rows: ParityRow, sha256: str = "1" * 64) -> None:
    path.write_bytes(encode_report(outcome_of(*rows, source_sha256=sha256).report))


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Lets verify and convert end with these rows."""

    def answer(*rows: ParityRow) -> None:
        def judge(request: object, *, on_progress: object) -> Outcome:
            assert callable(on_progress)
            return outcome_of(*rows, folder=request.place if isinstance(request, Verification) else None)

        monkeypatch.setattr(verify_command, "verify", judge)
        monkeypatch.setattr(convert_command, "certify", judge)

    return answer


def test_a_run_as_good_as_its_baseline_is_0(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(row_with())
    assert run(BASE) == 0
    assert "baseline: nothing is worse than in base.json" in capsys.readouterr().out


def test_a_run_that_is_worse_is_1_though_all_passed(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(LARGER)
    assert run(BASE) == 1
    shown = capsys.readouterr().out
    assert "PASS  1 of 1 artifact passed" in shown
    assert "baseline: 1 thing is worse than in base.json" in shown
    assert "WORSE onnx fp32 on host: the file has 29.3 KiB, before 20.0 KiB; 5% more is allowed" in shown
    assert "fix: make it as good again, or if the change is meant: --update-baseline replace" in shown


def test_as_json_the_comparison_is_in_the_document_and_stdout_stays_json(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    give(LARGER)
    assert run([*BASE, "--json"]) == 1
    shown = capsys.readouterr()
    [worse] = json.loads(shown.out)["baseline"]["regressions"]
    assert (worse["figure"], worse["format"], worse["before"], worse["now"]) == ("bytes", "onnx", 20480, 30000)
    assert "WORSE onnx fp32 on host" in shown.err
    give(row_with())
    assert run(["verify", "out", "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["baseline"] is None


def test_a_graver_code_wins_over_the_baseline(give: Give) -> None:
    store(Path("base.json"), row_with(), row_with(format="litert"))
    give(row_with(status=Status.RUN_FAIL, exit_code=6))
    assert run(BASE) == 6
    give(row_with(status=Status.NOT_RUN, exit_code=4))
    assert run(BASE) == 1


def test_replacing_accepts_and_the_next_run_is_held_to_it(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(LARGER)
    assert run([*BASE, "--update-baseline"]) == 1
    assert "base.json is left as it is, because the run is worse" in capsys.readouterr().out
    assert run([*BASE, "--update-baseline", "replace"]) == 0
    shown = capsys.readouterr().out
    assert "base.json was replaced" in shown
    assert "accepted onnx fp32 on host" in shown
    store(Path("base.json"), LARGER)
    assert run(BASE) == 0


def test_the_flag_alone_tightens(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(row_with(bytes=10_000))
    assert run([*BASE, "--update-baseline"]) == 0
    assert decode(Path("base.json").read_bytes()).results[0].bytes == 10_000
    assert "tightened by what is better" in capsys.readouterr().out
    assert run([*BASE, "--update-baseline"]) == 0
    assert "because nothing is better" in capsys.readouterr().out


def test_the_first_run_makes_the_file_if_it_passes(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    first = ["verify", "out", "-q", "--baseline", "new.json", "--update-baseline"]
    give(failed_row())
    assert run(first) == 1
    assert "new.json was not created, because the run did not pass" in capsys.readouterr().out
    assert not Path("new.json").exists()
    give(row_with())
    assert run(first) == 0
    assert "new.json was created" in capsys.readouterr().out
    assert decode(Path("new.json").read_bytes()).results == (row_with(),)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "missing.json"], "does not exist"),
        (["--baseline", "out"], "cannot be read"),
        (["--baseline", "other.json"], "another source"),
        (["--update-baseline"], "name it with --baseline FILE"),
        (["--baseline", "base.json", "--update-baseline", "loosen"], "'loosen' is not one of"),
        (["--baseline", "out/parity.json", "--update-baseline"], "keep the baseline elsewhere"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_2_before_anything_runs(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(Path("other.json"), row_with(), sha256="7" * 64)
    monkeypatch.setattr(verify_command, "verify", None)
    assert run(["verify", "out", "-q", *arguments]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "fix: " in shown


def test_one_artifact_is_compared_with_its_own_row(give: Give) -> None:
    one, two = row_with(), row_with(format="litert", file="net.litert.fp32.tflite")
    store(Path("base.json"), one, two)
    Path("out", one.file).touch()
    give(one)
    assert run(["verify", f"out/{one.file}", "-q", "--baseline", "base.json"]) == 0
    assert run(BASE) == 1


def test_convert_compares_too(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.py").write_text("import torch\n\ndef build():\n    return torch.nn.Identity()\n")
    store(Path("base.json"), row_with(), sha256=source_sha256(resolve("net.py:build")))
    give(LARGER)
    asked = ["convert", "net.py:build", "-q", "--baseline", "base.json"]
    assert run(asked) == 1
    assert "WORSE onnx fp32" in capsys.readouterr().out
    assert run([*asked, "--no-verify"]) == 2
    assert "--no-verify judges nothing" in capsys.readouterr().err
    store(Path("base.json"), row_with())
    assert run(asked) == 2
    assert "another source" in capsys.readouterr().err


def test_annotations_come_after_the_table(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(row_with(), failed_row())
    assert run(["verify", "out", "-q", "--github"]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::notice"]
    assert "net.litert.fp32.tflite on host" in lines[0]


def test_as_json_the_annotations_are_on_stderr(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(failed_row())
    assert run(["verify", "out", "-q", "--github", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["verdict"] == "FAIL"
    assert [line.partition(" ")[0] for line in shown.err.splitlines()] == ["::error", "::notice"]


def test_the_summary_is_added_to_what_is_there(
    give: Give, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    give(LARGER)
    assert run([*BASE]) == 1
    assert summary.read_text() == "before\n"
    assert run([*BASE, "--github"]) == 1
    text = summary.read_text()
    assert text.startswith("before\n## Worse than the baseline\n\n- onnx fp32 on host: the file has")
    assert "## PASS: " in text
    assert "::error title=edgeproof%3A worse than the baseline::onnx fp32" in capsys.readouterr().out


def test_a_summary_that_cannot_be_written_is_said(
    give: Give, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    give(row_with())
    assert run(["verify", "out", "-q", "--github"]) == 2
    assert "fix: let GITHUB_STEP_SUMMARY name a file" in capsys.readouterr().err


def test_what_ends_the_command_is_an_annotation_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: object, *, on_progress: object) -> Outcome:
        raise InputError(f"nothing to judge for {type(request).__name__}, {callable(on_progress)}", fix="convert again")

    monkeypatch.setattr(verify_command, "verify", refuse)
    assert run(["verify", "out", "-q", "--github"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "::error title=edgeproof::nothing to judge for Verification, True%0Afix: convert again\n"
    assert "fix: convert again" in shown.err
    assert run(["verify", "out", "-q"]) == 2
    assert capsys.readouterr().out == ""


def test_notes_about_the_baseline_are_shown(give: Give, capsys: pytest.CaptureFixture[str]) -> None:
    give(row_with(), replace(row_with(), format="litert"))
    assert run(BASE) == 0
    assert "note: not in the baseline: litert fp32 on host" in capsys.readouterr().out

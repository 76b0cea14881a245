from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from artifacts import golden

from edgeproof.cli.commands import inspect as inspect_command
from edgeproof.cli.main import COMMANDS, edgeproof, run
from edgeproof.converters.errors import UnsafeInput, WorkerKilled

PROGRAM = [sys.executable, "-P", "-m", "edgeproof.cli"]
_FRAMEWORKS = ("torch", "tensorflow", "keras", "executorch", "litert_torch", "ai_edge_litert", "onnx", "onnxruntime")


def _break_inspect_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> NoReturn:
        raise error

    monkeypatch.setattr(inspect_command, "inspect_path", fail)


def test_help_lists_every_command_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {row.name}" in shown and row.summary in shown for row in COMMANDS)
    assert "Examples:" in shown
    assert "Exit codes:" in shown


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_has_help_with_examples_that_starts_with_its_summary(
    row: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([row.name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert row.summary in shown
    assert "Examples:" in shown


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("edgeproof ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convrt"], "did you mean `edgeproof convert`?"),
        (["zzz"], "the commands are convert, verify, diagnose, recipe, bench, bundle, inspect, targets"),
        (["--versio"], "did you mean --version?"),
        (["convert", "x.pt", "--dinamic", "x.0=1..2"], "did you mean --dynamic?"),
        (["inspect"], "see `edgeproof inspect --help`"),
        (["convert", "x.pt", "--jobs", "0"], "see `edgeproof convert --help`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage_is_one_error_with_a_fix(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert f"fix: {said}" in shown.err
    assert len(shown.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnsafeInput("it asks for os.system", fix="do not load it"), 5),
        (WorkerKilled("a worker was killed", fix="use less", log="/logs/1.log"), 6),
    ],
)
def test_our_errors_show_message_fix_and_log_and_set_the_exit_code(
    error: Any, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break_inspect_with(error, monkeypatch)
    assert run(["inspect", "x"]) == code
    log = [f"log: {error.log}"] if error.log else []
    assert capsys.readouterr().err.splitlines() == [f"error: {error.message}", f"fix: {error.fix}", *log]


def test_a_bug_of_ours_keeps_its_traceback_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break_inspect_with(ZeroDivisionError("a mistake"), monkeypatch)
    assert run(["inspect", "x"]) == 6
    shown = capsys.readouterr().err
    assert "a bug of ours: ZeroDivisionError: a mistake" in shown
    assert "Traceback" not in shown
    log = Path(shown.split("log: ")[1].strip())
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_bug_of_ours_shows_its_traceback_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break_inspect_with(ZeroDivisionError("a mistake"), monkeypatch)
    assert run(["inspect", "x", "-vv"]) == 6
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    Path(shown.split("log: ")[1].splitlines()[0]).unlink()


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _break_inspect_with(KeyboardInterrupt(), monkeypatch)
    assert run(["inspect", "x"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_every_row_names_a_command_of_that_name() -> None:
    context = click.Context(edgeproof)
    for row in COMMANDS:
        command = edgeproof.get_command(context, row.name)
        assert command is not None
        assert command.name == row.name


def test_starting_imports_no_library_but_click() -> None:
    imported = _imported_by("--help")
    assert "click" in imported
    assert not imported & {"numpy", "rich", "msgspec", *_FRAMEWORKS}


def test_inspecting_imports_no_framework_and_no_numpy() -> None:
    assert not _imported_by("inspect", str(golden("net.pte"))) & {"numpy", "rich", "flatbuffers", *_FRAMEWORKS}


def _imported_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", *PROGRAM[2:], *arguments], capture_output=True, text=True, check=True
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [*PROGRAM, "inspect", str(golden("net.pte"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 141
        assert process.stderr.read() == b""


def test_sigterm_ends_it_with_143(tmp_path: Path) -> None:
    large = tmp_path / "large.safetensors"
    header = json.dumps({"w": {"dtype": "U8", "shape": [1 << 40], "data_offsets": [0, 1 << 40]}}).encode()
    large.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(large, 8 + len(header) + (1 << 40))  # a hole that takes no space, and long to read
    with subprocess.Popen([*PROGRAM, "inspect", str(large)], stderr=subprocess.PIPE, text=True) as process:
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said == "error: terminated\n"


def test_colour_is_for_terminals_alone() -> None:
    done = subprocess.run([*PROGRAM, "inspect", "missing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_a_file_name_that_is_not_utf8_is_refused_in_words() -> None:
    done = subprocess.run([*PROGRAM, "inspect", b"missing-\xff.onnx"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"missing-\\xff.onnx' is no UTF-8" in done.stderr
    assert b"fix: rename the file" in done.stderr


def test_json_of_inspect_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(golden("net.pte")), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["format"] == "executorch"
    assert document["undelegated"] == 2
    assert [partition["backend"] for partition in document["partitions"]] == ["XnnpackBackend"] * 2

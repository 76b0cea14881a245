"""The environment that make keeps: made once, made again when it must be, never half made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
Make = Callable[..., subprocess.CompletedProcess[str]]

# Stands in for Python 3.11: makes an "environment" with itself inside, and notes what pip is asked.
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip")
    echo "$*" >> pip.log
    case "$*" in
      *"$FAIL_ON"*) [ -z "$FAIL_ON" ] || { echo "no such wheel"; exit 1; } ;;
    esac
    case "$*" in
      *"$HANG_ON"*) [ -z "$HANG_ON" ] || sleep 60 ;;
    esac ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    python = folder / "fake-python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return folder


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return {**inherited, "PYTHON": "./fake-python", "FAIL_ON": "", "HANG_ON": "", **settings}


@pytest.fixture
def make(clone: Path) -> Make:
    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "setup"]
        return subprocess.run(
            command, cwd=clone, env=environment(**settings), capture_output=True, text=True, check=False
        )

    return run


def asked_of_pip(clone: Path) -> list[str]:
    log = clone / "pip.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def test_torch_comes_before_everything_that_needs_it(clone: Path, make: Make) -> None:
    assert make().returncode == 0
    steps = asked_of_pip(clone)
    torch = next(number for number, line in enumerate(steps) if line.endswith(" torch"))
    project = next(number for number, line in enumerate(steps) if line.endswith("-e .[all,dev]"))
    assert torch < project
    assert all("-c constraints.txt" in line for line in steps if " install " in line)


def test_a_finished_environment_is_used_again(clone: Path, make: Make) -> None:
    make()
    asked_of_pip(clone)
    for name in ("constraints.txt", "pyproject.toml"):
        os.utime(clone / name)
    assert make().returncode == 0
    assert asked_of_pip(clone) == []


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml"])
def test_a_change_of_what_it_is_made_from_sets_it_up_again(clone: Path, make: Make, changed: str) -> None:
    make()
    asked_of_pip(clone)
    with (clone / changed).open("a") as file:
        file.write("# changed\n")
    assert make().returncode == 0
    assert asked_of_pip(clone)


def test_a_moved_clone_is_set_up_again(clone: Path, make: Make) -> None:
    make()
    moved = clone.rename(clone.with_name("moved"))
    asked_of_pip(moved)
    subprocess.run(["make", "setup"], cwd=moved, env=environment(), capture_output=True, check=True)
    assert asked_of_pip(moved)


def test_a_set_up_that_was_killed_starts_from_nothing(clone: Path, make: Make) -> None:
    process = subprocess.Popen(
        ["make", "setup"],
        cwd=clone,
        env=environment(HANG_ON=" torch"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not ((clone / "pip.log").exists() and " torch" in (clone / "pip.log").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (clone / ".venv" / "half written").touch()
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=90) != 0  # a signal between two commands is seen when the second, 60 s, has ended
    assert list((clone / ".venv").glob(".ready-*")) == []

    done = make()
    assert done.returncode == 0
    assert "interrupted" in done.stdout
    assert not (clone / ".venv" / "half written").exists()
    assert not (clone / ".venv" / ".unfinished").exists()
    assert len(list((clone / ".venv").glob(".ready-*"))) == 1


def test_a_step_that_fails_says_so_and_leaves_no_stamp(clone: Path, make: Make) -> None:
    done = make(FAIL_ON=" torch")
    assert done.returncode != 0
    assert "no such wheel" in done.stderr
    assert "fix: " in done.stderr
    assert list((clone / ".venv").glob(".ready-*")) == []
    assert make().returncode == 0


def test_a_missing_python_is_named_with_what_to_do(clone: Path, make: Make) -> None:
    done = make(PYTHON="no-such-python")
    assert done.returncode != 0
    assert "no-such-python" in done.stderr
    assert "fix: install it" in done.stderr
    assert not (clone / ".venv").exists()

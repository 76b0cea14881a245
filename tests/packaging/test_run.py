"""`make check` and `make test` may not be green when something failed, or when nothing ran."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    file = Path(__file__).resolve().parents[1] / "run.py"
    spec = importlib.util.spec_from_file_location("edgeproof_tests_run", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    return module


def test_all_is_well_only_when_tests_ran_and_nothing_failed(
    run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = run.Outcome(name="mypy", failed=False, seconds=1.0)
    assert run.report([fine], run.Counts(passed=3, skipped=1)) == 0
    assert capsys.readouterr().out.endswith("3 passed, 0 failed, 1 skipped\n")


def test_a_failed_step_fails_the_run_and_shows_what_it_printed(
    run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = run.Outcome(name="mypy", failed=True, seconds=1.0, output="x.py:1: error")
    assert run.report([bad], run.Counts(passed=3)) == 1
    printed = capsys.readouterr().out
    assert "x.py:1: error" in printed
    assert "FAILED: mypy" in printed


def test_a_run_without_tests_fails(run: ModuleType) -> None:
    assert run.report([run.Outcome(name="mypy", failed=False, seconds=1.0)], run.Counts()) == 1


def test_a_failing_command_fails_its_step(run: ModuleType) -> None:
    assert run.check(run.Step(name="x", command=(sys.executable, "-c", "raise SystemExit(3)"))).failed
    assert not run.check(run.Step(name="x", command=(sys.executable, "-c", "pass"))).failed


def test_models_that_cannot_be_fetched_are_said_aloud_and_stop_nothing(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = run.Step(name="published models", command=(sys.executable, "-c", "raise SystemExit('no network')"))
    monkeypatch.setattr(run, "PUBLISHED", failing)
    run.fetch_published()
    printed = capsys.readouterr().out
    assert "no network" in printed
    assert "NOT FETCHED" in printed


def test_results_are_counted_from_what_pytest_wrote(run: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "r.xml"
    file.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    counts = run.Counts()
    counts.add(file)
    assert str(counts) == "3 passed, 3 failed, 3 skipped"


def test_every_stack_and_every_folder_is_run(run: ModuleType) -> None:
    ran = {(folder, group.stack) for group in run.EVERYTHING for folder in group.folders}
    assert ran == {(folder, stack) for folder in ("unit", "contract", "e2e", "packaging") for stack in run.STACKS}


def test_no_folder_of_tests_is_forgotten() -> None:
    tests = Path(__file__).resolve().parents[1]
    folders = {file.relative_to(tests).parts[0] for file in tests.rglob("test_*.py")}
    assert folders == {"unit", "contract", "e2e", "packaging"}

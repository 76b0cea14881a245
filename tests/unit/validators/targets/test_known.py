"""Targets by name: ours, those of other distributions, and what was probably meant."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable, UsageError
from edgeproof.converters.job import RunJob, RunResult
from edgeproof.validators.targets import known
from edgeproof.validators.targets.emulated import DEFAULT_CPU, Emulated


class Board:
    """A target as another distribution would add one."""

    is_slow = False
    needs_network = False

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    def unavailable(self, format_name: str) -> NotRunnable | None:
        return NotRunnable(f"no {format_name}", fix="none") if format_name == "onnx" else None

    def run(self, job: RunJob, *, entry: str, scratch: Path) -> RunResult:
        raise AssertionError(f"nobody runs {job}, {entry} or {scratch} here")


def test_the_host_and_our_families_are_known():
    for name in ("host", "arm64", "arm64:cortex-a53", "ssh:me@board", "adb:emulator-5554"):
        assert known.check_target(name) == name


def test_a_misspelt_family_gets_the_nearest():
    with pytest.raises(UsageError) as caught:
        known.check_target("amr64:cortex-a53")
    assert "arm64" in caught.value.fix


def test_without_a_cpu_there_is_a_default(tmp_path: Path):
    target = known.target_named("arm64", folder=tmp_path)
    assert isinstance(target, Emulated)
    assert DEFAULT_CPU == "cortex-a76"


def test_another_distribution_adds_a_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    point = EntryPoint(name="board", value=f"{__name__}:Board", group=known.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: Board)
    monkeypatch.setattr(known, "entry_points", lambda group: (point,) if group == known.GROUP else ())
    found = known.target_named("board:lab-3", folder=tmp_path)
    assert isinstance(found, Board)
    assert (found.name, found.folder) == ("board:lab-3", tmp_path)


def test_arm64_is_this_machine_where_that_is_an_arm_processor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(known, "this_machine", lambda: "aarch64")
    assert known.is_host("arm64")
    assert not known.is_host("arm64:cortex-a53")
    monkeypatch.setattr(known, "this_machine", lambda: "x86_64")
    assert not known.is_host("arm64")

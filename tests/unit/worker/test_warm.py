"""Warming a worker up: modules are imported, the source is opened, and a broken one is left to its own job."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.worker.warm import WarmJob, warm


@pytest.fixture(autouse=True)
def jobs_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.delitem(sys.modules, "jobs", raising=False)


def source_named(name: str) -> Source:
    return Source(name=name, framework=Framework.TORCH, kind=SourceKind.FACTORY, factory="model.py:build")


def test_the_modules_are_imported_and_named() -> None:
    assert warm(WarmJob(entries=("jobs:obey",))) == ("jobs",)
    assert "jobs" in sys.modules


def test_the_source_is_opened_for_the_jobs_to_come() -> None:
    source = source_named("whole")
    warm(WarmJob(entries=("jobs:obey",), opener="jobs:open_source", source=source))
    assert importlib.import_module("jobs").opened == [source]


def test_a_source_that_cannot_be_opened_is_left_to_the_job_about_it() -> None:
    job = WarmJob(entries=("jobs:obey",), opener="jobs:open_source", source=source_named("broken"))
    assert warm(job) == ("jobs",)
    assert importlib.import_module("jobs").opened == []


def test_an_entry_that_cannot_be_imported_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        warm(WarmJob(entries=("no_such_module:convert",)))

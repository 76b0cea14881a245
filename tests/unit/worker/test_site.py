"""Workers that import from a folder of their own before all that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.converters.worker.pool import Finished, Limits, Pool, Task
from edgeproof.converters.worker.stacks import Stack, environment_of

SOURCE = "def which(job: dict[str, str]) -> str:\n    return {!r}\n"


@pytest.mark.slow
def test_tasks_with_another_folder_get_another_worker(tmp_path: Path):
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        (folder / "told.py").write_text(SOURCE.format(folder.name))
    ended: list[Finished[str]] = []
    with Pool(Limits(jobs=1), on_progress=lambda _: None) as pool:
        for folder in (*folders, folders[0]):
            task = Task(title="told", entry="told:which", job={}, result=str, stack=Stack.RUNTIMES, site=str(folder))
            pool.submit(task, ended.append)
        pool.drain()
    assert sorted(one.value() for one in ended) == ["one", "one", "other"]


def test_the_folder_comes_before_the_user_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/mine")
    made = environment_of(Stack.MICRO, scratch=tmp_path, threads=1, confined=True, site_folder="/site")
    assert made["PYTHONPATH"] == "/site:/mine"
    made = environment_of(Stack.TORCH, scratch=tmp_path, threads=1, confined=True)
    assert made["PYTHONPATH"] == "/mine"

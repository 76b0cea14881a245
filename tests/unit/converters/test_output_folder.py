"""The output folder: all or nothing, and nobody's files but ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeproof.converters.errors import UsageError
from edgeproof.converters.output_folder import OutputFolder
from edgeproof.converters.writing import write_atomically


def test_what_is_published_is_there_and_the_partial_folder_gone(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", overwrite=False) as folder:
        (folder.partial / "parity.json").write_text("{}")
        folder.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "parity.json").read_text() == "{}"


def test_nothing_remains_of_what_was_not_published(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), OutputFolder(tmp_path / "out", overwrite=False) as folder:
        (folder.partial / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "parity.json").write_text("old")
    with pytest.raises(UsageError, match="not empty") as caught, OutputFolder(tmp_path / "out", overwrite=False):
        pytest.fail("entered")
    assert "--overwrite" in caught.value.fix


def test_overwriting_replaces_ours_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "out" / "golden").mkdir(parents=True)
    (tmp_path / "out" / "parity.json").write_text("old")
    with OutputFolder(tmp_path / "out", overwrite=True) as folder:
        (folder.partial / "parity.json").write_text("new")
        folder.publish()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["parity.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_foreign_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.tex"), OutputFolder(tmp_path / "out", overwrite=True):
        pytest.fail("entered")
    assert (tmp_path / "out" / "thesis.tex").exists()


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"), OutputFolder(tmp_path / "out", overwrite=True):
        pytest.fail("entered")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere, so there is nothing to see")
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written"), OutputFolder(tmp_path / "out", overwrite=False):
        pytest.fail("entered")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is a thing of Linux")
def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "with_name", lambda _self, _name: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda _self, **_: None)
    with pytest.raises(UsageError, match="No space left"):
        write_atomically(tmp_path / "x", b"1234")

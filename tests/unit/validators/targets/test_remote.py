"""Copies that stay, folders that go, and scripts that do not come to their end, with a shell of this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.architecture import X86_64
from edgeproof.validators.targets.remote import Found, Remote, look
from edgeproof.validators.targets.remote_shell import Shell, refusal

pytestmark = pytest.mark.linux


class Local:
    """This machine through `sh -c`, in a folder; `broken` makes the next copy fail."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.base = shlex.quote(str(folder))
        self.shell = Shell("board", command or ("sh", "-c"), explain)
        self.unpacked = 0
        self.broken = False
        self.closed = False

    def send(self, file: Path, path: str) -> None:
        shutil.copy(file, path)

    def fetch(self, path: str, file: Path) -> None:
        shutil.copy(path, file)

    def unpack(self, archive: Path, folder: str) -> None:
        self.unpacked += 1
        time.sleep(0.1)
        (Path(folder) / "half").write_text("half")
        if self.broken:
            raise NotRunnable("the connection was lost", fix="try again")
        (Path(folder) / "half").unlink()
        subprocess.run(["tar", "xf", archive, "-C", folder], check=True)

    def close(self) -> None:
        self.closed = True


def explain(said: str, reached: bool) -> NotRunnable:
    return NotRunnable(f"{'lost' if reached else 'not reached'}: {said.strip()}", fix="try again")


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(tmp_path / "it's there")


def device(local: Local, tmp_path: Path) -> Remote:
    return Remote(local, look(local), locks=tmp_path / "locks")


@pytest.fixture
def part(tmp_path: Path) -> Path:
    folder = tmp_path / "part"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("file")
    (folder / "deep/file.cpython-311.pyc").write_text("made by running")
    return folder


def base(tmp_path: Path) -> Path:
    return tmp_path / "it's there"


def test_what_a_machine_says_of_itself(local: Local, tmp_path: Path) -> None:
    found = look(local)
    assert isinstance(found, Found)
    assert found.base == str(base(tmp_path))
    assert found.architecture.machine == os.uname().machine


def test_a_copy_stays_and_is_made_once(local: Local, tmp_path: Path, part: Path) -> None:
    first = device(local, tmp_path)
    place = first.keep(part, "key")
    first.clean()
    (part / "deep/file").write_text("changed")
    second = device(local, tmp_path)
    assert second.keep(part, "key") == place == str(base(tmp_path) / "targets/key")
    assert local.unpacked == 1
    assert sorted(path.name for path in Path(place).rglob("*")) == [".whole", "deep", "file"]
    assert second.keep(part, "another key") != place
    assert local.unpacked == 2


def test_a_copy_that_broke_is_no_copy(local: Local, tmp_path: Path, part: Path) -> None:
    local.broken = True
    broken = device(local, tmp_path)
    with pytest.raises(NotRunnable, match="was lost"):
        broken.keep(part, "key")
    assert list((base(tmp_path) / "targets").iterdir()) == []
    broken.clean()
    assert list((base(tmp_path) / "runs").iterdir()) == []
    local.broken = False
    assert (Path(device(local, tmp_path).keep(part, "key")) / "deep/file").exists()


def test_a_copy_without_its_mark_is_made_again(local: Local, tmp_path: Path, part: Path) -> None:
    half = base(tmp_path) / "targets/key/half"
    half.parent.mkdir(parents=True)
    half.write_text("half")
    place = Path(device(local, tmp_path).keep(part, "key"))
    assert (place / "deep/file").exists()
    assert not half.exists()


def test_two_that_bring_the_same_copy_it_once(local: Local, tmp_path: Path, part: Path) -> None:
    devices = [device(local, tmp_path) for _ in range(3)]
    threads = [threading.Thread(target=each.keep, args=(part, "key")) for each in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert local.unpacked == 1


def test_what_another_machine_brought_meanwhile_stays(local: Local, tmp_path: Path, part: Path) -> None:
    unpack, other = local.unpack, device(local, tmp_path / "other")

    def overtaken(archive: Path, folder: str) -> None:
        local.unpack = unpack  # type: ignore[method-assign]
        other.keep(part, "key")
        unpack(archive, folder)

    local.unpack = overtaken  # type: ignore[method-assign]
    mine = device(local, tmp_path)
    place = Path(mine.keep(part, "key"))
    assert local.unpacked == 2
    assert sorted(path.name for path in place.iterdir()) == [".whole", "deep"]
    mine.clean()
    other.clean()
    assert list((base(tmp_path) / "runs").iterdir()) == []


def test_clean_takes_the_run_and_nothing_else(local: Local, tmp_path: Path, part: Path) -> None:
    mine, other = device(local, tmp_path), device(local, tmp_path)
    path = Path(mine.put(part / "deep/file"))
    kept, theirs = Path(other.keep(part, "key")), Path(other.put(part / "deep/file"))
    assert path.read_text() == "file"
    mine.clean()
    assert local.closed
    assert not path.exists()
    assert theirs.exists()
    assert kept.exists()
    assert Path(mine.put(part / "deep/file")).exists()


def test_runs_that_were_lost_go_after_a_day(local: Local, tmp_path: Path) -> None:
    runs = base(tmp_path) / "runs"
    for name, days in (("old", 3), ("young", 0)):
        (runs / name / "deep").mkdir(parents=True)
        os.utime(runs / name, (time.time() - days * 86400,) * 2)
    device(local, tmp_path).new("x")
    left = {path.name for path in runs.iterdir()}
    assert len(left) == 2
    assert "young" in left


def test_a_command_that_was_left_behind_is_ended(local: Local, tmp_path: Path) -> None:
    mine = device(local, tmp_path)
    run = Path(mine.new("x")).parent
    sleeper = subprocess.Popen(["sleep", "100"], start_new_session=True)
    (run / ".leader").write_text(f"{sleeper.pid}\n")
    mine.clean()
    assert sleeper.wait(timeout=10) == -9
    assert not run.exists()


def test_a_command_leaves_no_note_behind(local: Local, tmp_path: Path) -> None:
    mine = device(local, tmp_path)
    run = Path(mine.new("x")).parent
    assert mine.execute(["sh", "-c", "cat .leader; exit 7"], {"PATH": "/usr/bin:/bin"}).code == 7
    assert list(run.iterdir()) == []


def test_a_script_that_does_not_end_is_no_success(tmp_path: Path) -> None:
    quiet = Local(tmp_path, "true")
    with pytest.raises(NotRunnable, match="not reached: "):
        quiet.shell.run("true")
    dying = Local(
        tmp_path, "sh", "-c", 'test -e "$0" && echo gone >&2 && exit 255; exec sh -c "$1"', str(tmp_path / "x")
    )
    assert dying.shell.run("exit 255").code == 255
    (tmp_path / "x").touch()
    with pytest.raises(NotRunnable, match="lost: gone"):
        dying.shell.run("exit 255")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("tar: ./x: Cannot write: No space left on device\ntar: Error is not recoverable", "no space is left on board"),
        ("cat: write error: Disk quota exceeded", "no space is left on board"),
        ("sh: tar: not found", "lacks a program"),
        ("sh: 1: cannot create /x: Permission denied", "sending failed on board: .*Permission denied"),
        ("", "sending failed on board: it said nothing"),
    ],
)
def test_what_is_refused_is_told_in_words(said: str, message: str) -> None:
    error = refusal("sending", "board", said)
    assert error.fix
    with pytest.raises(NotRunnable, match=message):
        raise error


def test_the_loader_is_the_root_s_own() -> None:
    # lib64 of Debian's package is a link to the machine's loader.
    assert X86_64.loader.startswith(X86_64.libraries[0])

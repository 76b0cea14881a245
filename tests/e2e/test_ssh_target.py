"""Artifacts judged over ssh, beside the host: on this machine through a real sshd, and on one that has no C library."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import Done, edgeproof
from loopback import Loopback, loopback

from edgeproof.sample_models.catalog import sample
from edgeproof.validators.targets.installation.deb_file import unpack_one
from edgeproof.validators.targets.installation.debian import Archive

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.linux,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="a target is installed with apt"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="parts for x86-64 run on x86-64"),
]
_FORMATS = ("onnx", "executorch")
_BUSYBOX = ("bin/busybox", "usr/bin/busybox")
# Every command runs in a root of its own, whose /proc and /sys are the machine's.
_ELSEWHERE = (
    "ForceCommand exec unshare -m /bin/sh -c '"
    "mount --rbind /proc {root}/proc; mount --rbind /sys {root}/sys; "
    'exec chroot {root} /bin/sh -c "$SSH_ORIGINAL_COMMAND"\''
)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts that a board with an x86-64 processor needs."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEPROOF_CACHE", str(folder))
        done = edgeproof("targets", "install", "x86-64", "--formats", ",".join(_FORMATS), folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def prepared(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEPROOF_CACHE", str(cache))
    return cache


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample model's artifacts, judged on the host."""
    folder = tmp_path_factory.mktemp("artifacts")
    done = edgeproof(
        "convert", *sample("tumours").arguments(), "--to", ",".join(_FORMATS), "-o", "out", "-q", folder=folder
    )
    assert done.code == 0, done.stdout + done.stderr
    return folder


def statuses(done: Done, target: str) -> dict[str, str]:
    """The statuses on one target."""
    return {row["format"]: row["status"] for row in rows(done, target)}


def rows(done: Done, target: str) -> list[dict[str, str]]:
    return [row for row in done.document["report"]["results"] if row["target"] == target]


PASSED = dict.fromkeys(_FORMATS, "PASS")


def test_a_conversion_is_judged_on_the_host_and_over_ssh(
    tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback(tmp_path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        arguments = (*sample("tumours").arguments(), "--to", ",".join(_FORMATS), "--on", f"host,{server.target}")
        done = edgeproof("convert", *arguments, "-o", "out", "--json", "-q", folder=tmp_path)
        assert done.code == 0, done.stdout + done.stderr
        assert statuses(done, "host") == statuses(done, server.target) == PASSED
        kept = server.home / ".cache/edgeproof"
        assert list((kept / "runs").iterdir()) == []
        # Root, Python, two runtimes, and our own modules: each once, though two workers may have brought them.
        copies = {path.name: inode(path) for path in (kept / "targets").iterdir()}
        assert len(copies) == 5
        again = edgeproof("verify", "out", "--on", server.target, "--json", "-q", folder=tmp_path)
        assert again.code == 0, again.stdout + again.stderr
        assert copies.items() <= {path.name: inode(path) for path in (kept / "targets").iterdir()}.items()


def test_a_machine_without_any_library_is_no_hindrance(
    tmp_path: Path, artifacts: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_libraries(tmp_path) as (server, root):
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        done = edgeproof("verify", "out", "--on", server.target, "--json", "-q", folder=artifacts)
        assert done.code == 0, done.stdout + done.stderr
        assert statuses(done, server.target) == PASSED
        # The programs that ran there do not even start with what the machine itself has.
        (python,) = root.glob("home/.cache/edgeproof/targets/*/usr/bin/python3.*[0-9]")
        alone = subprocess.run(["chroot", root, f"/{python.relative_to(root)}", "-V"], capture_output=True, check=False)
        assert alone.returncode != 0


def test_a_machine_that_vanishes_leaves_the_host_s_verdicts(
    tmp_path: Path, artifacts: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback(tmp_path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        thread = threading.Thread(target=vanish, args=(server,))
        thread.start()
        done = edgeproof("verify", "out", "--on", f"host,{server.target}", "--json", "-q", folder=artifacts)
        thread.join()
        assert done.code == 4, done.stdout + done.stderr
        assert statuses(done, "host") == PASSED
        assert statuses(done, server.target) == dict.fromkeys(_FORMATS, "NOT_RUN")
        assert all(row["fix"] for row in rows(done, server.target))
        assert any("lost in the middle" in row["reason"] for row in rows(done, server.target))


def inode(copy: Path) -> int:
    """Tells a copy from one that was made again."""
    return (copy / ".whole").stat().st_ino


def vanish(server: Loopback) -> None:
    """End the server as soon as a run has begun there."""
    runs = server.home / ".cache/edgeproof/runs"
    for _ in range(6000):
        if any(runs.glob("*")):
            break
        time.sleep(0.02)
    server.stop()


@contextmanager
def without_libraries(folder: Path) -> Generator[tuple[Loopback, Path]]:
    """An sshd whose commands see a root with nothing but a static busybox, and that root."""
    if os.geteuid() != 0:
        pytest.skip("only root may give commands another root")
    root = folder / "root"
    for name in ("bin", "dev", "home", "proc", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "dev/null").touch()
    busybox = root / "bin/busybox"
    shutil.copy(fetched_busybox(folder / "packages"), busybox)
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in set(listed) - {"busybox"}:
        (root / "bin" / name).symlink_to("busybox")
    (folder / "sshd").mkdir()
    with loopback(folder / "sshd", home=Path("/home"), more=_ELSEWHERE.format(root=root)) as server:
        yield server, root


def fetched_busybox(folder: Path) -> Path:
    folder.mkdir()
    archive = Archive("amd64", folder)
    archive.update()
    (package,) = archive.download(["busybox-static"])
    return unpack_one(package, folder, _BUSYBOX)

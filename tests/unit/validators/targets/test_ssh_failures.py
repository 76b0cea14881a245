"""Over a real sshd on the loopback interface: everything that goes wrong on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from loopback import Loopback, loopback, make_key
from ssh_device import PATH, asked, connect, files, runs

from edgeproof.converters.artifact import Artifact, Format
from edgeproof.converters.errors import NotRunnable
from edgeproof.converters.job import RunJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature
from edgeproof.validators.targets.architecture import ARCHITECTURES
from edgeproof.validators.targets.known import target_named
from edgeproof.validators.targets.remote import Remote, look

pytestmark = pytest.mark.linux


def later(act: Callable[[], object], server: Loopback) -> threading.Thread:
    """Act as soon as a command sleeps there."""

    def wait() -> None:
        for _ in range(200):
            if runs(server):
                break
            time.sleep(0.05)
        time.sleep(0.3)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_connection_that_ends_in_the_middle_is_told(server: Loopback, ssh_device: Remote) -> None:
    ssh_device.new("x")
    thread = later(server.end_sessions, server)
    started = time.monotonic()
    with pytest.raises(NotRunnable, match="lost in the middle") as caught:
        ssh_device.execute(["sh", "-c", f"echo $$ > {server.home}/pids; sleep 100"], PATH)
    thread.join()
    assert time.monotonic() - started < 20
    assert caught.value.exit_code == 4
    assert "run again" in caught.value.fix
    ssh_device.clean()
    assert runs(server) == []
    assert not any(is_running(pid) for pid in Path(server.home / "pids").read_text().split())


def is_running(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_link_that_is_dead_is_noticed(tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", f"{server.options} -o ServerAliveInterval=1")
    with closing(connect(server)) as transport:
        device = Remote(transport, look(transport), locks=tmp_path)
        device.new("x")
        thread = later(lambda: server.end_sessions(signal.SIGSTOP), server)
        try:
            with pytest.raises(NotRunnable, match="lost in the middle"):
                device.execute(["sleep", "100"], PATH)
        finally:
            thread.join()
            server.end_sessions(signal.SIGKILL)
        device.clean()
    assert runs(server) == []


def test_a_machine_that_is_gone_leaves_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "sshd").mkdir()
    with loopback(tmp_path / "sshd") as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        transport = connect(server)
        device = Remote(transport, look(transport), locks=tmp_path)
        device.new("x")
    with pytest.raises(NotRunnable, match="lost in the middle"):
        device.execute(["true"], PATH)
    device.clean()
    assert list(Path(tempfile.gettempdir()).glob("edgeproof-ssh-*")) == []


def test_another_host_key_is_refused_and_the_fix_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(tmp_path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        make_key(tmp_path / "other")
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{server.port} {(tmp_path / 'other.pub').read_text()}")
        with pytest.raises(NotRunnable, match="another host key") as caught:
            asked(server)
        command = caught.value.fix.partition(": ")[2]
        assert f"-R '[127.0.0.1]:{server.port}'" in command
        subprocess.run(command, shell=True, check=True, capture_output=True)
        assert known.read_text().strip() == ""
        with pytest.raises(NotRunnable, match="is not known here") as caught:
            asked(server)
        assert f"ssh -p {server.port} " in caught.value.fix


def test_a_key_that_is_not_let_in_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(tmp_path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        for name in ("client_key", "client_key.pub"):
            (tmp_path / name).rename(tmp_path / f"old_{name}")
        make_key(tmp_path / "client_key")
        (tmp_path / "client_key.pub").unlink()
        (tmp_path / "old_client_key.pub").rename(tmp_path / "client_key.pub")
        with pytest.raises(NotRunnable, match="does not let this user in") as caught:
            asked(server)
    assert f"ssh-copy-id -p {server.port} " in caught.value.fix


def test_a_closed_port_refuses(server: Loopback, tmp_path: Path) -> None:
    with loopback(tmp_path) as ended:
        pass
    with pytest.raises(NotRunnable, match="refuses the connection") as caught:
        asked(ended)
    assert "port" in caught.value.fix


def test_a_wrong_option_is_told(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", "-o NoSuchThing=1")
    with pytest.raises(NotRunnable, match="does not take its options") as caught:
        asked(server)
    assert "EDGEPROOF_SSH_OPTIONS" in caught.value.fix
    monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", "'unfinished")
    with pytest.raises(NotRunnable, match="cannot be read"):
        connect(server)


def test_a_write_that_fails_for_want_of_space_says_so(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10000)
    with closing(connect(server)) as transport, pytest.raises(NotRunnable, match="no space is left") as caught:
        transport.send(tmp_path / "file", "/dev/full")
    assert "free some" in caught.value.fix


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted, as root")
def test_a_full_disk_stops_a_copy_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, part = tmp_path / "home", tmp_path / "part"
    home.mkdir()
    part.mkdir()
    for number in range(40):
        (part / f"file-{number}").write_bytes(b"x" * 100_000)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", home], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with loopback(tmp_path, home=home) as server:
            monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
            with closing(connect(server)) as transport:
                device = Remote(transport, look(transport), locks=tmp_path / "locks")
                with pytest.raises(NotRunnable, match="no space is left") as caught:
                    device.keep(part, "part")
                device.clean()
            assert caught.value.exit_code == 4
            assert files(home) == []
    finally:
        subprocess.run(["umount", home], check=True)


def tools(folder: Path, *names: str) -> Path:
    """A folder with these programs of the system alone."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(Path("/bin") / name)
    return folder


def test_a_machine_without_tar_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tools(tmp_path / "tools", "sh", "cat", "uname")
    with loopback(tmp_path, path=path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        with pytest.raises(NotRunnable, match="no tar"):
            asked(server)


@pytest.mark.parametrize(
    ("system", "machine", "message"),
    [("Linux", "riscv64", "is a riscv64"), ("Darwin", "arm64", "runs Darwin"), ("Linux", "armv7l", "is a armv7l")],
)
def test_a_machine_without_parts_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, message: str
) -> None:
    path = tools(tmp_path / "tools", "sh", "cat", "tar")
    (path / "uname").write_text(f'#!/bin/sh\ntest "$1" = -s && echo {system} || echo {machine}\n')
    (path / "uname").chmod(0o755)
    with loopback(tmp_path, path=path) as server:
        monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", server.options)
        with pytest.raises(NotRunnable, match=message) as caught:
            asked(server)
    assert "Linux" in caught.value.fix


def test_parts_of_its_architecture_are_asked_for(server: Loopback, tmp_path: Path) -> None:
    names = {each.machine: name for name, each in ARCHITECTURES.items()}
    here = names[os.uname().machine]
    (other,) = set(names.values()) - {here}
    target = target_named(server.target, folder=tmp_path)
    for part in ("root", "python", "onnx"):
        (tmp_path / other / part).mkdir(parents=True)
        (tmp_path / other / part / "part.json").write_text("{}")
    assert target.unavailable("onnx") is None
    with pytest.raises(NotRunnable, match=f"is a machine of {here}, which is not prepared for onnx") as caught:
        target.run(job(tmp_path), entry="", scratch=tmp_path)
    assert caught.value.fix == f"edgeproof targets install {here} --formats onnx"


def job(folder: Path) -> RunJob:
    artifact = Artifact(
        file=str(folder / "net.onnx"),
        format=Format.ONNX,
        backend="cpu",
        precision=Precision.FP32,
        sha256="",
        bytes=0,
        signature=Signature(inputs=(), outputs=()),
    )
    return RunJob(artifact=artifact, calls="", outputs="")

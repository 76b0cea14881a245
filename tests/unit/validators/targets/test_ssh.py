"""Over a real sshd on the loopback interface: there and back."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from loopback import Loopback
from ssh_device import PATH, asked, connect, files, runs

from edgeproof.converters.errors import UsageError
from edgeproof.validators.targets.board import Board
from edgeproof.validators.targets.known import check_target, target_named
from edgeproof.validators.targets.remote import Remote, look
from edgeproof.validators.targets.ssh import destination_of

pytestmark = pytest.mark.linux


def test_a_guest_goes_there_runs_and_comes_back(server: Loopback, ssh_device: Remote, tmp_path: Path) -> None:
    program, given, taken = tmp_path / "guest.sh", tmp_path / "given.bin", tmp_path / "taken.bin"
    program.write_text('cat "$1" "$1" > "$2"; echo "$WORD"; echo said >&2')
    given.write_bytes(bytes(range(256)))
    outputs = ssh_device.new("outputs")
    done = ssh_device.execute(
        ["sh", ssh_device.put(program), ssh_device.put(given), outputs], {**PATH, "WORD": "heard"}
    )
    assert (done.code, done.output, done.errors) == (0, b"heard\n", "said\n")
    ssh_device.get(outputs, taken)
    assert taken.read_bytes() == bytes(range(256)) * 2
    assert len(runs(server)) == 1
    ssh_device.clean()
    assert runs(server) == []


def test_a_folder_is_copied_once(server: Loopback, ssh_device: Remote, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/real.so").write_bytes(b"\0" * 5000)
    (folder / "lib/program").write_text("#!/bin/sh\n")
    (folder / "lib/program").chmod(0o755)
    (folder / "lib/link.so").symlink_to("real.so")
    place = Path(ssh_device.keep(folder, "once"))
    first = (place / ".whole").stat().st_ino
    assert files(place) == [".whole", "lib/link.so", "lib/program", "lib/real.so"]
    assert os.readlink(place / "lib/link.so") == "real.so"  # noqa: PTH115
    assert os.access(place / "lib/program", os.X_OK)
    ssh_device.clean()
    with closing(connect(server)) as transport:
        again = Remote(transport, look(transport), locks=tmp_path / "locks")
        assert again.keep(folder, "once") == str(place)
    assert (place / ".whole").stat().st_ino == first
    assert runs(server) == []


def test_a_command_sees_its_environment_and_no_more(ssh_device: Remote) -> None:
    variables = {"ONE": "1", "QUOTED": 'it\'s "2" $HOME `id`\n3'}
    done = ssh_device.execute(["/usr/bin/env", "-0"], variables)
    assert done.output == b"".join(f"{name}={value}\0".encode() for name, value in variables.items())


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -SEGV $$", -signal.SIGSEGV),
        ("kill -ILL $$", -signal.SIGILL),
    ],
)
def test_codes_and_signals_are_told(ssh_device: Remote, script: str, code: int) -> None:
    assert ssh_device.execute(["sh", "-c", script], PATH).code == code


@pytest.mark.parametrize("name", ["two words", "it's", 'a"quote', "$HOME", "-rf", "new\nline", "ünï"])
def test_names_are_taken_as_they_are(ssh_device: Remote, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / name).write_text(name)
    there = ssh_device.put(folder / name)
    assert there.endswith(f"/{name}")
    ssh_device.get(there, tmp_path / "back")
    assert (tmp_path / "back").read_text() == name
    kept = ssh_device.keep(folder, "names")
    assert ssh_device.execute(["cat", f"{kept}/{name}"], PATH).output.decode() in {name, ""}
    ssh_device.execute(["rm", "-r", kept], PATH)


def test_files_of_a_folder_stay_beside_each_other(ssh_device: Remote, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.onnx.data"):
        (tmp_path / name).write_text(name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/model.onnx").write_text("another")
    first, second, other = (
        ssh_device.put(tmp_path / name) for name in ("model.onnx", "model.onnx.data", "other/model.onnx")
    )
    assert second == f"{first}.data"
    assert ssh_device.execute(["cat", first, second, other], PATH).output == b"model.onnxmodel.onnx.dataanother"


def test_what_a_login_script_prints_is_no_output(server: Loopback, ssh_device: Remote, tmp_path: Path) -> None:
    (server.home / ".bashrc").write_text("echo noise; printf more; echo complaint >&2\n")
    try:
        (tmp_path / "given").write_bytes(b"\r\n\0")
        ssh_device.get(ssh_device.put(tmp_path / "given"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"\r\n\0"
        assert ssh_device.execute(["echo", "said"], PATH).output == b"said\n"
    finally:
        (server.home / ".bashrc").unlink()


def test_the_processor_is_named(server: Loopback) -> None:
    found = asked(server)
    assert found.architecture.machine == os.uname().machine
    assert found.base == f"{server.home}/.cache/edgeproof"
    assert found.processor.name


@pytest.mark.parametrize(
    ("name", "login", "port"),
    [
        ("ssh:board", "board", None),
        ("ssh:pi@board", "pi@board", None),
        ("ssh:pi@10.0.0.7:2222", "pi@10.0.0.7", "2222"),
        ("ssh:pi@[fe80::1%eth0]:22", "pi@fe80::1%eth0", "22"),
    ],
)
def test_a_name_says_whom_to_reach(name: str, login: str, port: str | None) -> None:
    found = destination_of(name)
    assert (found.login, found.port) == (login, port)
    assert check_target(name) == name


@pytest.mark.parametrize(
    "name", ["ssh", "ssh:", "ssh:@board", "ssh:-oProxyCommand=x", "ssh:pi@-x", "ssh:a b", "ssh:board:http", "ssh:a:1:2"]
)
def test_a_name_that_reaches_nobody_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no machine"):
        check_target(name)


def test_what_can_be_known_before_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_named("ssh:pi@board", folder=tmp_path)
    assert isinstance(target, Board)
    assert (target.name, target.needs_network, target.is_slow) == ("ssh:pi@board", True, False)
    why = target.unavailable("onnx")
    assert why is None or "nothing is prepared for onnx" in why.message
    monkeypatch.setenv("PATH", str(tmp_path))
    why = target.unavailable("onnx")
    assert why is not None
    assert "there is no ssh here" in why.message


def test_one_architecture_that_is_prepared_is_enough_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    target = target_named("ssh:board", folder=tmp_path)
    for part in ("root", "python", "onnx"):
        why = target.unavailable("onnx")
        assert why is not None
        assert "targets install arm64" in why.fix
        (tmp_path / "arm64" / part).mkdir(parents=True)
        (tmp_path / "arm64" / part / "part.json").write_text("{}")
    assert target.unavailable("onnx") is None

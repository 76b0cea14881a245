"""Over a real sshd on the loopback interface: there and back, and everything that goes wrong on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest
from loopback import Loopback, loopback, make_key

from edgeproof.converters.errors import NotRunnable, UsageError
from edgeproof.validators.targets.board import Board
from edgeproof.validators.targets.known import check_target, target_named
from edgeproof.validators.targets.remote import Found, Remote, look
from edgeproof.validators.targets.ssh import SshTransport, destination_of

pytestmark = pytest.mark.linux
Start = Callable[..., Loopback]
_PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Loopback]:
    with loopback(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def server(shared: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", shared.options)
    return shared


def connect(server: Loopback) -> SshTransport:
    return SshTransport(destination_of(server.target))


def asked(server: Loopback) -> Found:
    with closing(connect(server)) as transport:
        return look(transport)


@pytest.fixture
def device(server: Loopback, tmp_path: Path) -> Generator[Remote]:
    with closing(connect(server)) as transport:
        found = Remote(transport, look(transport), locks=tmp_path / "locks")
        yield found
        found.clean()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def runs(server: Loopback) -> list[str]:
    return [path.name for path in (server.home / ".cache/edgeproof/runs").glob("*")]


def test_a_guest_goes_there_runs_and_comes_back(server: Loopback, device: Remote, tmp_path: Path) -> None:
    program, given, taken = tmp_path / "guest.sh", tmp_path / "given.bin", tmp_path / "taken.bin"
    program.write_text('cat "$1" "$1" > "$2"; echo "$WORD"; echo said >&2')
    given.write_bytes(bytes(range(256)))
    outputs = device.new("outputs")
    done = device.execute(["sh", device.put(program), device.put(given), outputs], {**_PATH, "WORD": "heard"})
    assert (done.code, done.output, done.errors) == (0, b"heard\n", "said\n")
    device.get(outputs, taken)
    assert taken.read_bytes() == bytes(range(256)) * 2
    assert len(runs(server)) == 1
    device.clean()
    assert runs(server) == []


def test_a_folder_is_copied_once(server: Loopback, device: Remote, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/real.so").write_bytes(b"\0" * 5000)
    (folder / "lib/program").write_text("#!/bin/sh\n")
    (folder / "lib/program").chmod(0o755)
    (folder / "lib/link.so").symlink_to("real.so")
    place = Path(device.keep(folder, "once"))
    first = (place / ".whole").stat().st_ino
    assert files(place) == [".whole", "lib/link.so", "lib/program", "lib/real.so"]
    assert os.readlink(place / "lib/link.so") == "real.so"  # noqa: PTH115
    assert os.access(place / "lib/program", os.X_OK)
    device.clean()
    with closing(connect(server)) as transport:
        again = Remote(transport, look(transport), locks=tmp_path / "locks")
        assert again.keep(folder, "once") == str(place)
    assert (place / ".whole").stat().st_ino == first
    assert runs(server) == []


def test_a_command_sees_its_environment_and_no_more(device: Remote) -> None:
    variables = {"ONE": "1", "QUOTED": 'it\'s "2" $HOME `id`\n3'}
    done = device.execute(["/usr/bin/env", "-0"], variables)
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
def test_codes_and_signals_are_told(device: Remote, script: str, code: int) -> None:
    assert device.execute(["sh", "-c", script], _PATH).code == code


@pytest.mark.parametrize("name", ["two words", "it's", 'a"quote', "$HOME", "-rf", "new\nline", "ünï"])
def test_names_are_taken_as_they_are(device: Remote, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / name).write_text(name)
    there = device.put(folder / name)
    assert there.endswith(f"/{name}")
    device.get(there, tmp_path / "back")
    assert (tmp_path / "back").read_text() == name
    kept = device.keep(folder, "names")
    assert device.execute(["cat", f"{kept}/{name}"], _PATH).output.decode() in {name, ""}
    device.execute(["rm", "-r", kept], _PATH)


def test_files_of_a_folder_stay_beside_each_other(device: Remote, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.onnx.data"):
        (tmp_path / name).write_text(name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/model.onnx").write_text("another")
    first, second, other = (
        device.put(tmp_path / name) for name in ("model.onnx", "model.onnx.data", "other/model.onnx")
    )
    assert second == f"{first}.data"
    assert device.execute(["cat", first, second, other], _PATH).output == b"model.onnxmodel.onnx.dataanother"


def test_what_a_login_script_prints_is_no_output(server: Loopback, device: Remote, tmp_path: Path) -> None:
    (server.home / ".bashrc").write_text("echo noise; printf more; echo complaint >&2\n")
    try:
        (tmp_path / "given").write_bytes(b"\r\n\0")
        device.get(device.put(tmp_path / "given"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"\r\n\0"
        assert device.execute(["echo", "said"], _PATH).output == b"said\n"
    finally:
        (server.home / ".bashrc").unlink()


def test_the_processor_is_named(server: Loopback) -> None:
    found = asked(server)
    assert found.architecture.machine == os.uname().machine
    assert found.base == f"{server.home}/.cache/edgeproof"
    assert found.processor.name


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


def test_a_connection_that_ends_in_the_middle_is_told(server: Loopback, device: Remote) -> None:
    device.new("x")
    thread = later(server.end_sessions, server)
    started = time.monotonic()
    with pytest.raises(NotRunnable, match="lost in the middle") as caught:
        device.execute(["sh", "-c", f"echo $$ > {server.home}/pids; sleep 100"], _PATH)
    thread.join()
    assert time.monotonic() - started < 20
    assert caught.value.exit_code == 4
    assert "run again" in caught.value.fix
    device.clean()
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
                device.execute(["sleep", "100"], _PATH)
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
        device.execute(["true"], _PATH)
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

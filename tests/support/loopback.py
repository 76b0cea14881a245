"""A real sshd on the loopback interface, for the current user, with keys, port and home of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
_NEEDED = ("ssh", "ssh-keygen")
_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv {variables}
{more}
"""
_CLIENT = """\
Host *
  Port {port}
  IdentityFile {folder}/client_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """A running sshd: `target` is its name as a target, `options` what EDGEPROOF_SSH_OPTIONS must say."""

    folder: Path
    home: Path
    port: int
    pid: int

    @property
    def target(self) -> str:
        return f"ssh:{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def options(self) -> str:
        return shlex.join(["-F", str(self.folder / "client_config")])

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """The machine vanishes."""
        below = list(_below(self.pid))
        os.kill(self.pid, signal.SIGKILL)
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end_sessions(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal the processes of this sshd that serve a connection; returns how many there were."""
        below = list(_below(self.pid))
        for pid in below:
            if "sshd" in _command(pid):
                os.kill(pid, number)
        return len(below)


@contextmanager
def loopback(
    folder: Path, *, home: Path | None = None, path: Path | None = None, more: str = ""
) -> Generator[Loopback]:
    """Start one whose files lie in `folder`; `path` holds all programs there, `more` are lines of its configuration."""
    require_sshd()
    home = home or folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    variables = f"HOME={home}" + (f" PATH={path}" if path else "")
    port = _free_port()
    for name in ("host_key", "client_key"):
        make_key(folder / name)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}", encoding="utf-8")
    for name, form in (("sshd_config", _SERVER), ("client_config", _CLIENT)):
        text = form.format(port=port, folder=folder, variables=variables, more=more)
        (folder / name).write_text(text, encoding="utf-8")
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen([_SSHD or "", "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    running = Loopback(folder=folder, home=home, port=port, pid=process.pid)
    try:
        _wait(running, process)
        yield running
    finally:
        running.end_sessions()
        process.kill()
        process.wait()


def require_sshd() -> None:
    """Skip where OpenSSH is not installed."""
    missing = [name for name in _NEEDED if shutil.which(name) is None] + ([] if _SSHD else ["sshd"])
    if missing:
        pytest.skip(f"OpenSSH's {', '.join(missing)} is not installed")
    if os.geteuid() == 0:
        # As root it wants this folder, which a system's own start makes.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


def make_key(file: Path) -> None:
    """A key pair at a path; one that is there goes."""
    file.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file], check=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait(running: Loopback, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {running.log.strip()}")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", running.port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"sshd does not listen: {running.log.strip()}")


def _below(pid: int) -> Iterator[int]:
    """All processes that a process started, and those that they did."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for text in children:
        yield int(text)
        yield from _below(int(text))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except OSError:
        return ""

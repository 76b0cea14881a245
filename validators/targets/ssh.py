"""Boards and servers over OpenSSH's own client, with the user's own configuration of it.

A target is `ssh:host`, `ssh:user@host` or `ssh:user@host:port`; more options for the client come from the environment
variable EDGEPROOF_SSH_OPTIONS, as words of a shell. There a machine needs Linux, a POSIX sh, tar, and some space.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...converters.errors import NotRunnable, UsageError
from .board import Board, Way
from .remote_shell import Shell
from .ssh_errors import Destination, why_not

FAMILY = "ssh"
VARIABLE = "EDGEPROOF_SSH_OPTIONS"
_DESTINATION = re.compile(
    r"(?P<login>(?:[^@\s-][^@\s]*@)?(?:\[[0-9a-zA-Z:.%]+\]|[^\s:@\[\]-][^\s:@\[\]]*))(?::(?P<port>\d+))?"
)
_OPTIONS = (
    *("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=2", "LogLevel=ERROR"),
    *("ControlMaster=auto", "ControlPersist=30", "ClearAllForwardings=yes", "RemoteCommand=none", "ForwardX11=no"),
)
# What the address of a socket may have, with what ssh appends to it.
_SOCKET_BYTES = 80
_CLOSING_SECONDS = 10.0


def destination_of(name: str) -> Destination:
    """What a target's name says; raises UsageError for one that names no host."""
    text = name.partition(":")[2]
    found = _DESTINATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{name!r} names no machine", fix="write ssh:user@host, ssh:host or ssh:user@host:port")
    return Destination(login=re.sub(r"[\[\]]", "", found["login"]), port=found["port"])


def make(name: str, folder: Path) -> Board:
    """The target of that name; raises UsageError."""
    destination = destination_of(name)
    return Board(
        name,
        folder,
        Way(
            program="ssh",
            fix="install OpenSSH's client (Debian, Ubuntu: apt-get install openssh-client)",
            connect=lambda: SshTransport(destination),
        ),
    )


class SshTransport:
    """One connection, which all commands and files share; it is made when it is first needed."""

    base = '"$HOME"/.cache/edgeproof'

    def __init__(self, destination: Destination) -> None:
        given = _from_environment()
        self._folder = _socket_folder()
        options = (*given, *_own_options(self._folder / "s", destination.port))
        self._ssh = ("ssh", "-T", *options)
        self._login = destination.login
        command = (*self._ssh, "--", destination.login)
        self.shell = Shell(destination.name, command, lambda said, reached: why_not(destination, said, reached=reached))

    def send(self, file: Path, path: str) -> None:
        """Write it through the shell; raises NotRunnable."""
        self.shell.check(f"cat > {shlex.quote(path)}", f"sending {file.name}", given=file)

    def fetch(self, path: str, file: Path) -> None:
        """Read it through the shell; raises NotRunnable."""
        self.shell.check(f"cat {shlex.quote(path)}", f"fetching {file.name}", taken=file)

    def unpack(self, archive: Path, folder: str) -> None:
        """Unpack it as it comes, so that it needs no space of its own; raises NotRunnable."""
        self.shell.check(f"tar xf - -C {shlex.quote(folder)}", "unpacking what was sent", given=archive)

    def close(self) -> None:
        """End the connection, if there is one."""
        if not self._folder.exists():
            return
        try:
            if any(self._folder.iterdir()):
                subprocess.run(
                    [*self._ssh, "-O", "exit", "--", self._login],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=_CLOSING_SECONDS,
                    check=False,
                )
        except (OSError, subprocess.TimeoutExpired):
            pass  # It ends by itself half a minute later.
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _from_environment() -> tuple[str, ...]:
    """The user's options come first, since ssh takes the first of two."""
    try:
        return tuple(shlex.split(os.environ.get(VARIABLE, "")))
    except ValueError as error:
        raise NotRunnable(f"${VARIABLE} cannot be read: {error}", fix="quote it as for a shell") from error


def _own_options(socket: Path, port: str | None) -> Iterator[str]:
    for option in (*_OPTIONS, f"ControlPath={socket}"):
        yield from ("-o", option)
    if port is not None:
        yield from ("-p", port)


def _socket_folder() -> Path:
    """A folder that only this user reads, whose path is short enough for a socket in it."""
    usual = len(os.fsencode(tempfile.gettempdir())) < _SOCKET_BYTES - len("/edgeproof-ssh-xxxxxxxx/s")
    return Path(tempfile.mkdtemp(prefix="edgeproof-ssh-", dir=None if usual else "/tmp"))  # noqa: S108 (mkdtemp is safe)

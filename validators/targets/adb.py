"""Android phones over the command `adb` of Android's platform tools.

A target is `adb:serial`, as `adb devices` lists it, or `adb` for the only device there is. Everything lies in
/data/local/tmp/edgeproof, where the shell's user may write and run programs; guests run with the loader and C library
of the root that is copied, as over ssh, so that Android's own do not matter.

None of this has run on a phone: it is tested against a program that answers as `adb` does. Not tested on a device:
that Android's kernel, SELinux policy and seccomp filter let a loader and libraries of glibc run below /data/local/tmp;
that its shell (mksh) and toybox's tar, find and env do what the scripts ask; exit codes, signals and separate streams
of `adb shell` over USB and TCP; a device that is unplugged while a command runs; several devices at once; no space on
/data; a device that is not authorised. Android 8 or later is needed: before, it had no tar.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from pathlib import Path

from ...converters.errors import NotRunnable
from .board import Board, Way
from .remote_shell import Shell, refusal

FAMILY = "adb"
_PROGRAM = "adb"
_AGAIN = "plug it in, switch USB debugging on, and see that it is listed: adb devices"
# What adb says (platform tools 30 to 36), what that means, and what to do.
_REASONS = (
    (
        r"unauthorized",
        "{name} does not trust this machine yet",
        "unlock it, and allow USB debugging for this computer in the question that it shows",
    ),
    (r"no devices|device '.*' not found|device offline|device still", "{name} is not there", _AGAIN),
    (
        r"more than one device",
        "more than one device is attached",
        "name the one that is meant: adb:SERIAL, as `adb devices` lists it",
    ),
    (r"no permissions", "this user may not use the device {name}", "install the udev rules: apt-get install adb"),
    (r"cannot connect to daemon|failed to start daemon", "adb's server does not start", "try: adb kill-server"),
)


def make(name: str, folder: Path) -> Board:
    """The target of that name."""
    _, _, serial = name.partition(":")
    fix = "install Android's platform tools (Debian, Ubuntu: apt-get install adb)"
    return Board(name, folder, Way(program=_PROGRAM, fix=fix, connect=lambda: AdbTransport(serial)))


class AdbTransport:
    """A device, by its serial; "" is the only one there is."""

    base = "/data/local/tmp/edgeproof"

    def __init__(self, serial: str) -> None:
        self._adb = (_PROGRAM, *(("-s", serial) if serial else ()))
        self.name = f"{FAMILY}:{serial}" if serial else FAMILY
        # Without a terminal the streams stay apart, and bytes stay as they are.
        self.shell = Shell(self.name, (*self._adb, "shell", "-T"), self._why_not)

    def send(self, file: Path, path: str) -> None:
        """Push it; raises NotRunnable."""
        self._transfer(f"sending {file.name}", "push", str(file), path)

    def fetch(self, path: str, file: Path) -> None:
        """Pull it; raises NotRunnable."""
        self._transfer(f"fetching {file.name}", "pull", path, str(file))

    def unpack(self, archive: Path, folder: str) -> None:
        """Push the tar beside the folder, unpack it there and remove it; raises NotRunnable."""
        there = f"{folder}.tar"
        try:
            self.send(archive, there)
            self.shell.check(
                f"tar xf {shlex.quote(there)} -C {shlex.quote(folder)} && rm {shlex.quote(there)}",
                "unpacking what was sent",
            )
        except NotRunnable:
            with contextlib.suppress(NotRunnable):
                self.shell.run(f"rm -f {shlex.quote(there)}")
            raise

    def close(self) -> None:
        """Nothing stays open."""

    def _transfer(self, what: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._adb, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = done.stderr + done.stdout
            raise _known_reason(self.name, said) or refusal(what, self.name, said)

    def _why_not(self, said: str, reached: bool) -> NotRunnable:  # noqa: FBT001 (as Explain has it)
        last = _last(said)
        if reached:
            return NotRunnable(
                f"the connection to {self.name} was lost in the middle: {last}",
                fix="see that it is still plugged in and on, and run again: what was copied there stays",
            )
        return _known_reason(self.name, said) or NotRunnable(f"{self.name} was not reached: {last}", fix=_AGAIN)


def _known_reason(name: str, said: str) -> NotRunnable | None:
    for pattern, message, fix in _REASONS:
        if re.search(pattern, said):
            return NotRunnable(f"{message.format(name=name)} ({_last(said)})", fix=fix)
    return None


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "adb said nothing"

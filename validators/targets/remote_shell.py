"""Runs scripts on another machine, and tells a command that ended from a connection that did."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from ...converters.errors import NotRunnable
from .device import Completed

Explain = Callable[[str, bool], NotRunnable]
_SHELL = 128
_SIGNALS = 64
# Standard output starts with a line of ours, whatever a login script printed before, and standard error ends with one
# that has the exit code: where that is missing, the script did not come to its end.
_SCRIPT = "printf '%s\\n' {token}; ( export LC_ALL=C; {script} ); printf '\\n%s %s\\n' {token} $? >&2"
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_PATIENCE = 4096


class Shell:
    """A POSIX shell that is reached through a program of this machine, such as ssh.

    `command` comes before the script, which is one more argument; `explain` makes an error of what the program said
    when it did not bring a script to its end, and of whether it had ever brought one there.
    """

    def __init__(self, name: str, command: Sequence[str], explain: Explain) -> None:
        self.name = name
        self._command = (*command,)
        self._explain = explain
        self._reached = False

    def run(self, script: str, *, given: Path | None = None, taken: Path | None = None) -> Completed:
        """Run a script to its end, with the file `given` as its input; its output goes into `taken` if that is named.

        The code is negative for a signal. Raises NotRunnable if the machine is not reached, or is lost.
        """
        token = secrets.token_hex(16)
        line = _SCRIPT.format(token=token, script=script)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            self._start(f"exec sh -c {shlex.quote(line)}", given, output, errors)
            text, code = _ended(_all(errors).decode(errors="replace"), token)
            if code is None:
                raise self._explain(text, self._reached)
            self._reached = True
            output.seek(0)
            _skip_to(output, token.encode())
            if taken is None:
                return Completed(code=code, output=output.read(), errors=text)
            with taken.open("wb") as stream:
                shutil.copyfileobj(output, stream)
            return Completed(code=code, output=b"", errors=text)

    def check(self, script: str, what: str, *, given: Path | None = None, taken: Path | None = None) -> bytes:
        """The output of a script; raises NotRunnable that says that `what` failed, and why, if it did."""
        done = self.run(script, given=given, taken=taken)
        if done.code:
            raise refusal(what, self.name, done.errors)
        return done.output

    def _start(self, line: str, given: Path | None, output: IO[bytes], errors: IO[bytes]) -> None:
        with (given or Path(os.devnull)).open("rb") as stream:
            subprocess.run(
                [*self._command, line],
                env={**os.environ, "LC_ALL": "C"},
                stdin=stream,
                stdout=output,
                stderr=errors,
                check=False,
            )


def is_full(errors: str) -> bool:
    """Whether a program complains of a disk without space."""
    return any(sign in errors for sign in _FULL)


def refusal(what: str, name: str, errors: str) -> NotRunnable:
    """The error for something that a device refused, by what its programs said."""
    said = [line.strip() for line in errors.splitlines() if line.strip()] or ["it said nothing"]
    if is_full(errors):
        return NotRunnable(
            f"no space is left on {name}: {what} failed ({said[-1]})",
            fix="free some there; what edgeproof keeps there lies in its folders `targets` (copies) and `runs`",
        )
    if "not found" in errors:
        return NotRunnable(
            f"{name} lacks a program: {what} failed ({said[-1]})",
            fix="install it there (a POSIX sh and tar are needed)",
        )
    return NotRunnable(f"{what} failed on {name}: {said[-1]}", fix="see that this user may write there, and try again")


def _ended(errors: str, token: str) -> tuple[str, int | None]:
    """What stood in standard error before our line, and the code on it; None without that line."""
    found = re.search(rf"\n{token} (\d+)\n", errors)
    if found is None:
        return errors, None
    code = int(found[1])
    return errors[: found.start()], _SHELL - code if _SHELL < code <= _SHELL + _SIGNALS else code


def _all(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _skip_to(stream: IO[bytes], token: bytes) -> None:
    """Skip what came before the script's own output."""
    for _ in range(_PATIENCE):
        line = stream.readline()
        if not line or line.rstrip().endswith(token):
            return

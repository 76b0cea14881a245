"""Says in words why a guest ended without an answer."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from ...converters.errors import EdgeproofError, NotRunnable, RunError
from .device import Completed
from .installation.debian import version_numbers

_SHELL = 128
_GOOD_EMULATOR = (8, 2)
_LOG_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What ran where: names for the sentence, and the emulator's version ("" without one)."""

    format: str
    target: str
    emulator: str = ""


class IllegalInstruction(RunError):
    """The guest met an instruction that its processor does not have."""


def cause_of(done: Completed, circumstances: Circumstances) -> EdgeproofError:
    """The error of a guest that ended without an answer."""
    where = f"{circumstances.format} on {circumstances.target}"
    text = done.errors
    if found := re.search(r"(\S*libc\S*): version `(GLIBC_[\d.]+)' not found", text):
        return NotRunnable(
            f"{where}: a library needs {found[2]}, which the C library there is too old for",
            fix="run it on a system with a newer one, or through ssh:, which brings its own",
        )
    if found := re.search(r"error while loading shared libraries: (.+)", text):
        return RunError(f"{where}: a library is missing there: {found[1].strip()}", fix="install the target again")
    if re.search(r"MemoryError|std::bad_alloc|Cannot allocate memory|out of memory", text, re.IGNORECASE):
        return RunError(f"{where} ran out of memory", fix="free some there, or take a target that has more")
    number = _signal(done.code)
    if number is not None:
        return _by_signal(number, where, circumstances, text)
    return RunError(
        f"{where} ended with exit code {done.code} and without an answer: {_last(text)}",
        fix="run it again with -v; if it stays, report it with the artifact",
    )


def _by_signal(number: int, where: str, circumstances: Circumstances, text: str) -> EdgeproofError:
    if number == signal.SIGILL:
        return IllegalInstruction(
            f"{where} met an instruction that this processor does not have",
            fix="judge it on a newer processor, or take a runtime that was built for this one",
        )
    if number == signal.SIGKILL:
        return RunError(
            f"{where} was killed, probably because memory ran out",
            fix="free some there, or take fewer at a time: --jobs 1",
        )
    old = circumstances.emulator and version_numbers(circumstances.emulator) < _GOOD_EMULATOR
    if number == signal.SIGSEGV and old:
        return NotRunnable(
            f"{where}: the emulator ({circumstances.emulator}) is too old and crashes",
            fix="name one of version 8.2 or later with --qemu FILE, or install the target again",
        )
    name = signal.Signals(number).name
    return RunError(f"{where} was ended by {name}: {_last(text)}", fix="report this with the artifact")


def _signal(code: int) -> int | None:
    """The signal that ended a command, also where a shell told it."""
    number = -code if code < 0 else code - _SHELL
    return number if number in {int(each) for each in signal.Signals} else None


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-_LOG_LINES:]) or "it said nothing"

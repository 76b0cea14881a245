"""The messages between the command-line process and a worker: one JSON object per line."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from .. import errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Call `entry` ("package.module:function") with the job that `payload` holds as JSON text.

    Whatever the job prints goes to the file `log`. `seconds`, if not 0, is what it may take, which the worker enforces
    on its own processor time, should the parent no longer be able to.
    """

    entry: str
    payload: str
    log: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRecord:
    """An exception as data: the name of its class in errors.py, message, fix."""

    kind: str
    message: str
    fix: str


class Confined(msgspec.Struct, frozen=True, tag="confined", kw_only=True):
    """The worker has confined itself; `network` says that it has one still."""

    network: bool


class StageStarted(msgspec.Struct, frozen=True, tag="stage"):
    """The running job entered a stage."""

    name: str


class Done(msgspec.Struct, frozen=True, tag="done", kw_only=True):
    """The job returned `result` (JSON text).

    `seconds` maps its stages to wall time, `peak_bytes` is the process's largest resident set so far.
    """

    result: str
    seconds: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    peak_bytes: int = 0


class Failed(msgspec.Struct, frozen=True, tag="failed", kw_only=True):
    """The job raised."""

    error: ErrorRecord
    seconds: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    peak_bytes: int = 0


Event = StageStarted | Done | Failed


def record(error: errors.EdgeproofError) -> ErrorRecord:
    """The error as data that can cross a process boundary."""
    return ErrorRecord(kind=type(error).__name__, message=_in_utf_8(error.message), fix=_in_utf_8(error.fix))


def _in_utf_8(text: str) -> str:
    """A text that JSON can hold: a file may name things by halves of characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def restore(saved: ErrorRecord, *, log: str | None) -> errors.EdgeproofError:
    """The error again, of the class it had; an unknown class becomes EdgeproofError."""
    kind = getattr(errors, saved.kind, errors.EdgeproofError)
    if not (isinstance(kind, type) and issubclass(kind, errors.EdgeproofError)):
        kind = errors.EdgeproofError
    return kind(saved.message, fix=saved.fix, log=log)

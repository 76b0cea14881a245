"""What a guest says at the end: one JSON line, whatever else libraries print."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ...converters.job import RunResult
from ...converters.worker.box import ErrorRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a run on a target ended: with a result or with an error."""

    result: RunResult | None = None
    error: ErrorRecord | None = None


def to_line(answer: Answer) -> bytes:
    """The answer as a line of its own."""
    return b"\n" + msgspec.json.encode(answer) + b"\n"


def from_output(output: bytes) -> Answer | None:
    """The answer among everything that was printed; None if there is none."""
    for line in reversed(output.splitlines()):
        try:
            return msgspec.json.decode(line, type=Answer)
        except msgspec.DecodeError:
            continue
    return None

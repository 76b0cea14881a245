"""Reads what Vela says and makes: the operators that it counts, those that it leaves to the CPU, and its parts."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from ...errors import ConversionError

_COUNTS = re.compile(r"^(CPU|NPU) operators = (\d+)", re.MULTILINE)
_LEFT = re.compile(r"operator: (?P<operator>\w+), ofm: '(?P<tensor>[^']*)'\s*\nReason: (?P<reason>[^\n]*)")
_LONGEST = 60
_BLOCK = struct.Struct("<16sI12x")
_ALIGNED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An operator that Vela left to the CPU: its name, the tensor that it makes, and why."""

    operator: str
    tensor: str
    reason: str

    @property
    def text(self) -> str:
        """For a note."""
        place = self.tensor if len(self.tensor) <= _LONGEST else f"...{self.tensor[-_LONGEST:]}"
        return f"{self.operator} ({place}): {self.reason}"


def parse_left(said: str) -> tuple[Left, ...]:
    """The operators that Vela says it left to the CPU."""
    return tuple(
        Left(operator=found["operator"], tensor=found["tensor"], reason=found["reason"].strip())
        for found in _LEFT.finditer(said)
    )


def parse_counts(said: str) -> tuple[int, int]:
    """How many operators Vela says are on the NPU and on the CPU; ConversionError if it does not say."""
    counts = {unit: int(number) for unit, number in _COUNTS.findall(said)}
    if set(counts) != {"CPU", "NPU"}:
        raise ConversionError("Vela did not say what it compiled", fix="read the log")
    return counts["NPU"], counts["CPU"]


def count_inputs(payload: bytes) -> int:
    """How many tensors a compiled part of an ExecuTorch program reads, as its runtime reads it from the part itself.

    A part is blocks of a name (16 bytes), a length (u32), 12 more bytes, and the contents up to a multiple of 16; see
    executorch/backends/arm/runtime/VelaBinStream.cpp. Raises ValueError for other bytes.
    """
    place = 0
    while place + _BLOCK.size <= len(payload):
        name, length = _BLOCK.unpack_from(payload, place)
        place += _BLOCK.size
        if name.rstrip(b"\0") == b"inputs":
            return int.from_bytes(payload[place : place + 4], "little")
        place += -(-length // _ALIGNED) * _ALIGNED
    raise ValueError("a part for the NPU does not say what it reads")

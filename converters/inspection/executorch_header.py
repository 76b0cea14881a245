"""Reads the header of an ExecuTorch program, which says where the program ends and its segments stand.

Bytes 8 to 12 of the file are "eh00" when there is one: its length (u32), the size of the program (u64), where the
segments start (u64) and, in headers of 32 bytes, how many bytes they have (u64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..checkpoints.malformed import Malformed

LENGTH = 32
PLACE = 8
MAGIC = b"eh00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Bytes of the program from the file's start on, where the segments start, and their bytes; `length` is its own."""

    program: int
    segments: int
    segment_bytes: int
    length: int = LENGTH


def read_header(data: memoryview) -> Header | None:
    """The header, or None if the file has none and therefore no segments; raises Malformed if the file is shorter."""
    if len(data) < LENGTH or data[PLACE : PLACE + 4].tobytes() != MAGIC:
        return None
    length, program, segments = struct.unpack_from("<IQQ", data, PLACE + 4)
    stored = struct.unpack_from("<Q", data, PLACE + 24)[0] if length >= LENGTH and len(data) >= PLACE + LENGTH else 0
    end = max(program, segments + stored)
    if end > len(data):
        raise Malformed(f"its header promises {end} bytes, and there are {len(data)}")
    return Header(program=program, segments=segments, segment_bytes=stored, length=length)

"""Texts as named data of an ExecuTorch program, which Program's named data map gives at run time.

The program's root table is written anew in front of it, and each text is a segment behind those that are there. The
rest follows unchanged and as aligned as before, with a root table that nothing refers to any more.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from ..checkpoints.malformed import Budget, Malformed
from ..checkpoints.opening import mapped
from ..inspection.executorch import IDENTIFIER, Program
from ..inspection.executorch_header import LENGTH, MAGIC, PLACE, Header, read_header
from ..inspection.flatbuffer import Table, root_table
from .flatbuffer_writer import Record, Scalar, string, written
from .parts import refuse_taken, write_parts
from .root_table import longer, record_of

# Segments start at multiples of this, so that they can be mapped and read as numbers of any dtype.
_ALIGNMENT = 128


def embed_executorch(file: Path, output: Path, entries: Mapping[str, str]) -> None:
    """Write `file` with the entries to `output`; UsageError if a key is taken."""
    data = mapped(file)
    root = root_table(data, Budget(len(data)))
    refuse_taken(file, entries, (entry.string(0) or "" for entry in root.tables(Program.NAMED_DATA)))
    header = _header(data)
    program, old = data[: header.program], data[header.segments : header.segments + header.segment_bytes]
    places, added = _behind(header.segment_bytes, [text.encode() for text in entries.values()])
    front = _front(file, root, dict(zip(entries, places, strict=True)), program)
    base = _up(len(front) + len(program))
    _write_header(front, Header(program=len(front) + len(program), segments=base, segment_bytes=len(old) + len(added)))
    write_parts(output, [front, program, bytes(base - len(front) - len(program)), old, added])


def _header(data: memoryview) -> Header:
    """The header as it is, or as one would be; older ones do not say how many bytes the segments have."""
    found = read_header(data)
    if found is None or found.segments == 0:
        return Header(program=len(data) if found is None else found.program, segments=len(data), segment_bytes=0)
    if found.program > found.segments:
        raise Malformed("its program and its segments overlap")
    size = found.segment_bytes or len(data) - found.segments
    return Header(program=found.program, segments=found.segments, segment_bytes=size)


def _behind(start: int, contents: list[bytes]) -> tuple[list[tuple[int, int]], bytes]:
    """Offset and size of each content behind `start` bytes of segments, and all of them with the gaps between."""
    made, places = bytearray(), list[tuple[int, int]]()
    for content in contents:
        made += bytes(_up(start + len(made)) - start - len(made))
        places.append((start + len(made), len(content)))
        made += content
    return places, bytes(made)


def _front(file: Path, root: Table, places: Mapping[str, tuple[int, int]], program: memoryview) -> bytearray:
    fields = record_of(root, references=Program.NAMED_DATA, file=file)
    segments = sum(1 for _ in root.tables(Program.SEGMENTS))
    made = [Record({0: Scalar("Q", offset), 1: Scalar("Q", size)}) for offset, size in places.values()]
    named = [Record({0: string(key), 1: Scalar("I", segments + index)}) for index, key in enumerate(places)]
    fields[Program.SEGMENTS] = longer(root, Program.SEGMENTS, made)
    fields[Program.NAMED_DATA] = longer(root, Program.NAMED_DATA, named)
    return bytearray(
        written(Record(fields), identifier=IDENTIFIER, reserved=LENGTH, before=program, alignment=_ALIGNMENT)
    )


def _write_header(front: bytearray, header: Header) -> None:
    numbers = (header.program, header.segments, header.segment_bytes)
    struct.pack_into("<4sIQQQ", front, PLACE, MAGIC, LENGTH, *numbers)


def _up(value: int) -> int:
    return -(-value // _ALIGNMENT) * _ALIGNMENT

"""Writes FlatBuffers without generated code, parents before what they refer to, always to the same bytes.

Offsets lead forward, so what is written can stand in front of a FlatBuffer that exists and refer to any part of it
(`Existing`). The layout is described in inspection/flatbuffer.py, which reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number in a table; `code` is its struct letter."""

    code: str
    value: int


@dataclass(frozen=True, slots=True)
class Existing:
    """A table, vector or string of the buffer that follows, by its place there."""

    place: int


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A vector of bytes, the first of which stands at a multiple of `alignment`; with `text`, a string."""

    content: bytes
    alignment: int = 1
    text: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Reals:
    """A vector of float32 numbers."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """A vector of references."""

    items: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A table: its fields by their number in the schema (a union takes two: its type, then its value)."""

    fields: Mapping[int, Scalar | Reference] = field(default_factory=dict[int, "Scalar | Reference"])


Node = Data | Reals | Many | Record
Reference = Node | Existing
_HEADER = 8


def string(text: str) -> Data:
    """A string."""
    return Data(text.encode(), text=True)


def records(items: Iterable[Record]) -> Many:
    """A vector of tables."""
    return Many(tuple(items))


def written(
    root: Record, *, identifier: bytes, reserved: int = 0, before: memoryview | None = None, alignment: int = 16
) -> bytes:
    """The buffer with `root`, or what is to stand in front of `before`, whose parts it refers to.

    Between the identifier and the first table `reserved` bytes stay zero. The length is a multiple of `alignment`, so
    that nothing of `before` changes its own alignment.
    """
    places = _places(root, start=_HEADER + reserved)
    end = max(place + _size(node) for node, place in places.items())
    length = _up(end, alignment)
    if before is None:
        length = end
    made = bytearray(length)
    struct.pack_into("<I4s", made, 0, places[root], identifier)
    for node in places:
        _write(made, node, places, length)
    return bytes(made)


def _places(root: Record, *, start: int) -> dict[Node, int]:
    """Where each part stands: behind all that refers to it."""
    places: dict[Node, int] = {}
    waiting: list[Node] = [root]
    end = start
    while waiting:
        node = waiting.pop(0)
        places[node] = _first_fit(node, end)
        end = places[node] + _size(node)
        waiting += _children(node)
    return places


def _children(node: Node) -> Iterator[Node]:
    references: Iterable[Scalar | Reference] = ()
    if isinstance(node, Many):
        references = node.items
    elif isinstance(node, Record):
        references = (node.fields[number] for number in sorted(node.fields))
    yield from (each for each in references if not isinstance(each, Existing | Scalar))


def _first_fit(node: Node, end: int) -> int:
    """The first place from `end` on where the node may stand; a table's vtable stands right before the table."""
    if isinstance(node, Record):
        return _up(end + _vtable_size(node), 8)
    alignment = node.alignment if isinstance(node, Data) else 4
    return _up(end + 4, max(alignment, 4)) - 4


def _size(node: Node) -> int:
    match node:
        case Data():
            return 4 + len(node.content) + (1 if node.text else 0)
        case Reals():
            return 4 + 4 * len(node.values)
        case Many():
            return 4 + 4 * len(node.items)
        case Record():
            return _offsets(node)[1]


def _vtable_size(record: Record) -> int:
    return 4 + 2 * (max(record.fields, default=-1) + 1)


def _offsets(record: Record) -> tuple[dict[int, int], int]:
    """Where each field stands in a table, and the table's size."""
    offsets: dict[int, int] = {}
    end = 4
    for number in sorted(record.fields):
        width = _width(record.fields[number])
        offsets[number] = _up(end, width)
        end = offsets[number] + width
    return offsets, end


def _width(value: Scalar | Reference) -> int:
    return struct.calcsize("<" + value.code) if isinstance(value, Scalar) else 4


def _write(made: bytearray, node: Node, places: Mapping[Node, int], length: int) -> None:
    place = places[node]
    match node:
        case Data():
            struct.pack_into("<I", made, place, len(node.content))
            made[place + 4 : place + 4 + len(node.content)] = node.content
        case Reals():
            struct.pack_into(f"<I{len(node.values)}f", made, place, len(node.values), *node.values)
        case Many():
            struct.pack_into("<I", made, place, len(node.items))
            for index, item in enumerate(node.items):
                _refer(made, place + 4 + 4 * index, _target(item, places, length))
        case Record():
            _write_record(made, node, places, length)


def _write_record(made: bytearray, record: Record, places: Mapping[Node, int], length: int) -> None:
    place, (offsets, size) = places[record], _offsets(record)
    vtable = place - _vtable_size(record)
    struct.pack_into("<HH", made, vtable, place - vtable, size)
    struct.pack_into("<i", made, place, place - vtable)
    for number, offset in offsets.items():
        struct.pack_into("<H", made, vtable + 4 + 2 * number, offset)
        value = record.fields[number]
        if isinstance(value, Scalar):
            struct.pack_into("<" + value.code, made, place + offset, value.value)
        else:
            _refer(made, place + offset, _target(value, places, length))


def _target(reference: Reference, places: Mapping[Node, int], length: int) -> int:
    return length + reference.place if isinstance(reference, Existing) else places[reference]


def _refer(made: bytearray, where: int, target: int) -> None:
    struct.pack_into("<I", made, where, target - where)


def _up(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment

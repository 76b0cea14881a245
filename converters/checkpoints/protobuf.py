"""Reads protobuf messages without generated code: fields by number, each checked against the end of its message.

Wire format (https://protobuf.dev/programming-guides/encoding): a field starts with a varint that holds its number and
one of the types 0 (varint), 1 (eight bytes), 2 (a length and that many bytes), 5 (four bytes).
"""

from __future__ import annotations

from collections.abc import Iterator

from .malformed import Malformed

Value = int | memoryview
_FIXED_WIDTH = {1: 8, 5: 4}


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message in order: (number, integer) or (number, bytes); raises Malformed."""
    position, end = 0, len(message)
    while position < end:
        key, position = varint(message, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("a field has the number 0")
        if kind == 0:
            value, position = varint(message, position)
            yield number, value
            continue
        width = _FIXED_WIDTH.get(kind)
        if kind == 2:
            width, position = varint(message, position)
        if width is None:
            raise Malformed(f"field {number} has the unknown wire type {kind}")
        if position + width > end:
            raise Malformed(f"field {number} claims {width} bytes, and {end - position} follow")
        yield number, message[position : position + width]
        position += width


def text(value: Value) -> str:
    """A string field; bytes that are not UTF-8 are shown escaped."""
    return nested(value).tobytes().decode("utf-8", "backslashreplace")


def nested(value: Value) -> memoryview:
    """A field that must hold bytes: a string, a message or packed numbers."""
    if isinstance(value, int):
        raise Malformed("a number stands where a message was expected")
    return value


def integer(value: Value) -> int:
    """A field that must hold a varint, read as a signed 64-bit integer."""
    if not isinstance(value, int):
        raise Malformed("bytes stand where a number was expected")
    return value - (1 << 64) if value >= 1 << 63 else value


def integers(value: Value) -> Iterator[int]:
    """A repeated integer field, packed into bytes or one by one."""
    if isinstance(value, int):
        yield integer(value)
        return
    position = 0
    while position < len(value):
        number, position = varint(value, position)
        yield integer(number)


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """A variable-length integer at a position, and the position behind it; raises Malformed."""
    value = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value & ((1 << 64) - 1), position
        shift += 7
    raise Malformed("a number does not end")

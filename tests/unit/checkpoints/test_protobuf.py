from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.checkpoints.protobuf import fields, integer, integers, nested, text


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


@given(st.integers(0, (1 << 64) - 1), st.integers(1, 1000))
def test_varints_read_back(value: int, number: int) -> None:
    assert list(fields(memoryview(_varint(number << 3) + _varint(value)))) == [(number, value)]


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_are_signed(value: int) -> None:
    assert integer(value % (1 << 64)) == value


@given(st.lists(st.integers(0, (1 << 63) - 1)))
def test_packed_integers_read_back(values: list[int]) -> None:
    packed = b"".join(_varint(value) for value in values)
    assert list(integers(memoryview(packed))) == values


@given(st.text())
def test_texts_read_back(content: str) -> None:
    data = content.encode()
    [(number, value)] = fields(memoryview(b"\x0a" + _varint(len(data)) + data))
    assert (number, text(value)) == (1, content)


def test_fixed_width_fields_are_bytes() -> None:
    message = memoryview(b"\x09" + b"12345678" + b"\x15" + b"abcd")
    assert [(number, bytes(nested(value))) for number, value in fields(message)] == [(1, b"12345678"), (2, b"abcd")]


@pytest.mark.parametrize(
    "message",
    [b"\x0a\x05abc", b"\x08", b"\x08" + b"\xff" * 11, b"\x0b", b"\x00\x01", b"\x09123"],
    ids=["cut", "no value", "endless", "group", "field 0", "cut number"],
)
def test_damage_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed):
        list(fields(memoryview(message)))

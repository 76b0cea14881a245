from __future__ import annotations

import struct

import pytest

from edgeproof.converters.checkpoints.malformed import Budget, Malformed
from edgeproof.converters.inspection.flatbuffer import Table, root_table


def _buffer() -> bytes:
    """A root table with an int16 (field 0), no field 1, a string (2), a vector of int32 (3) and itself, twice (4)."""
    vtable = struct.pack("<7H", 14, 20, 4, 0, 8, 12, 16)
    table_at = 8 + len(vtable) + 2
    table = struct.pack("<iHxxIII", table_at - 8, 7, 12, 17, 26)
    tail = struct.pack("<I", 5) + b"hello" + struct.pack("<Iii", 2, -1, 3)
    vector_at = table_at + len(table) + len(tail)
    selves = struct.pack("<III", 2, 0, 0)
    data = bytearray(struct.pack("<I", table_at) + b"TEST" + vtable + bytes(2) + table + tail + selves)
    struct.pack_into("<I", data, table_at + 16, vector_at - table_at - 16)
    for index in range(2):
        place = vector_at + 4 + 4 * index
        struct.pack_into("<I", data, place, (table_at - place) % (1 << 32))
    return bytes(data)


def _root(data: bytes) -> Table:
    return root_table(memoryview(data), Budget(len(data)))


def test_scalars_strings_and_vectors_are_read() -> None:
    table = _root(_buffer())
    assert table.scalar(0, "h") == 7
    assert table.scalar(1, "i", 9) == 9
    assert table.scalar(99, "i", 5) == 5
    assert table.string(2) == "hello"
    assert table.numbers(3, "i") == (-1, 3)
    assert table.string(1) is None
    assert list(table.tables(1)) == []


def test_an_offset_outside_of_the_data_is_refused() -> None:
    with pytest.raises(Malformed, match="leads to byte"):
        list(_root(_buffer()).tables(4))


def test_a_vector_longer_than_the_data_is_refused() -> None:
    data = bytearray(_buffer())
    place = data.index(b"hello") - 4
    struct.pack_into("<I", data, place, 10_000)
    with pytest.raises(Malformed, match="claims 10000 bytes"):
        _root(bytes(data)).string(2)


def test_a_buffer_too_short_for_a_header_is_refused() -> None:
    with pytest.raises(Malformed, match="too few"):
        _root(b"1234567")


def test_a_table_that_is_listed_over_and_over_exhausts_the_budget() -> None:
    budget = Budget(100)
    with pytest.raises(Malformed, match="more elements"):
        for _ in range(10_000):
            Table(memoryview(_buffer()), 24, budget)

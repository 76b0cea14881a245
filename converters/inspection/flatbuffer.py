"""Reads FlatBuffers without generated code, and checks every offset against the end of the data.

Layout (https://flatbuffers.dev/internals): a table starts with a signed 32-bit distance back to its vtable; the vtable
holds its own size, the table's size and, per field, a 16-bit offset into the table (0: the field is absent). Vectors
and strings start with a 32-bit length; references are unsigned 32-bit distances forward. All is little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..checkpoints.malformed import Budget, Malformed


class Table:
    """One table; fields are addressed by their number in the schema (a union takes two: its type, then its value)."""

    __slots__ = ("_budget", "_data", "_position", "_vtable", "_vtable_size")

    def __init__(self, data: memoryview, position: int, budget: Budget) -> None:
        budget.spend(1)
        self._data, self._position, self._budget = data, position, budget
        self._vtable = position - int(self._unpack("<i", position))
        self._vtable_size = int(self._unpack("<H", self._vtable))

    @property
    def position(self) -> int:
        """Where the table stands in the buffer."""
        return self._position

    @property
    def known_fields(self) -> int:
        """How many fields the table's writer knew of, those that are absent included."""
        return (self._vtable_size - 4) // 2

    def target(self, field: int) -> int | None:
        """Where what the field refers to stands in the buffer, None when the field is absent."""
        where = self._field(field)
        return where + int(self._unpack("<I", where)) if where else None

    def scalar(self, field: int, code: str, default: int = 0) -> int:
        """An integer or boolean field; `code` is its struct letter."""
        where = self._field(field)
        return int(self._unpack("<" + code, where)) if where else default

    def real(self, field: int, code: str = "d") -> float:
        """A floating-point field, 0.0 when absent."""
        where = self._field(field)
        return float(self._unpack("<" + code, where)) if where else 0.0

    def string(self, field: int) -> str | None:
        """A string field; bytes that are not UTF-8 are shown escaped."""
        data = self.bytes(field)
        return None if data is None else data.tobytes().decode("utf-8", "backslashreplace")

    def bytes(self, field: int) -> memoryview | None:
        """A vector of bytes, as a view on the file."""
        found = self._vector(field, 1)
        return None if found is None else self._data[found[0] : found[0] + found[1]]

    def numbers(self, field: int, code: str) -> tuple[int, ...] | None:
        """A vector of integers."""
        found = self._vector(field, struct.calcsize("<" + code))
        if found is None:
            return None
        self._budget.spend(found[1])
        return struct.unpack_from(f"<{found[1]}{code}", self._data, found[0])

    def reals(self, field: int, code: str) -> tuple[float, ...]:
        """A vector of floating-point numbers, empty when absent."""
        found = self._vector(field, struct.calcsize("<" + code))
        if found is None:
            return ()
        self._budget.spend(found[1])
        return struct.unpack_from(f"<{found[1]}{code}", self._data, found[0])

    def table(self, field: int) -> Table | None:
        """A table that the field refers to."""
        where = self._field(field)
        return self._follow(where) if where else None

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables, nothing when absent."""
        found = self._vector(field, 4)
        if found is not None:
            start, length = found
            for index in range(length):
                yield self._follow(start + 4 * index)

    def vector(self, field: int, code: str) -> tuple[int, int]:
        """Where a vector's first element stands in the buffer, and how many elements it has: (0, 0) when absent."""
        return self._vector(field, struct.calcsize("<" + code)) or (0, 0)

    def _field(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._vtable_size:
            return 0
        offset = int(self._unpack("<H", self._vtable + entry))
        return self._position + offset if offset else 0

    def _follow(self, where: int) -> Table:
        return Table(self._data, where + int(self._unpack("<I", where)), self._budget)

    def _vector(self, field: int, width: int) -> tuple[int, int] | None:
        where = self._field(field)
        if not where:
            return None
        where += int(self._unpack("<I", where))
        length = int(self._unpack("<I", where))
        if where + 4 + length * width > len(self._data):
            raise Malformed(
                f"a list at byte {where} claims {length * width} bytes, and {len(self._data) - where - 4} follow"
            )
        return where + 4, length

    def _unpack(self, code: str, where: int) -> int | float:
        if where < 0 or where + struct.calcsize(code) > len(self._data):
            raise Malformed(f"an offset leads to byte {where}, and there are {len(self._data)}")
        value: int | float = struct.unpack_from(code, self._data, where)[0]
        return value


def root_table(data: memoryview, budget: Budget) -> Table:
    """The root table of a buffer; raises Malformed when the buffer is too short to have one."""
    if len(data) < 8:
        raise Malformed(f"it has {len(data)} bytes, too few for a header")
    return Table(data, int(struct.unpack_from("<I", data, 0)[0]), budget)

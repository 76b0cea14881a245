"""Reads the index of TensorFlow's variables: a sorted table of names, dtypes, shapes and places, without TensorFlow.

The table is LevelDB's (https://github.com/google/leveldb/blob/main/doc/table_format.md); its entries are those of
tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import protobuf
from .malformed import Budget, Malformed
from .opening import damage_named, mapped
from .protobuf import integer, nested
from .saved_model import DTYPES

_WHAT = "index of TensorFlow variables"
TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER = 48
_TRAILER = 5


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as the index lists it; `bytes` is what it takes in its shard."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    bytes: int


def read_variables(path: Path) -> list[Variable]:
    """The variables of a variables.index file, by name; raises SourceError."""
    data = mapped(path)
    with damage_named(path, _WHAT):
        if len(data) < _FOOTER or data[-8:].tobytes() != TABLE_MAGIC:
            raise Malformed("it does not end as a table does")
        budget = Budget(len(data))
        footer = data[-_FOOTER:-8]
        _, position = _handle(footer, 0)
        index, _ = _handle(footer, position)
        entries = [
            entry for _, where in _block(data, index, budget) for entry in _block(data, _handle(where, 0)[0], budget)
        ]
        return [_variable(name, value) for name, value in entries if name]


def _handle(data: memoryview, position: int) -> tuple[range, int]:
    """A block's place, and where reading goes on."""
    offset, position = protobuf.varint(data, position)
    size, position = protobuf.varint(data, position)
    return range(offset, offset + size), position


def _block(data: memoryview, where: range, budget: Budget) -> Iterator[tuple[bytes, memoryview]]:
    """The entries of a block: each key shares its beginning with the key before it."""
    if where.stop + _TRAILER > len(data) or len(where) < 4:
        raise Malformed("a block lies outside of the file")
    if data[where.stop] != 0:
        raise Malformed("a block is compressed, which TensorFlow never does")
    block = data[where.start : where.stop]
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise Malformed("a block's index is larger than the block")
    key, position = b"", 0
    while position < end:
        budget.spend(1)
        shared, position = protobuf.varint(block, position)
        fresh, position = protobuf.varint(block, position)
        size, position = protobuf.varint(block, position)
        if shared > len(key) or position + fresh + size > end:
            raise Malformed("a block's entry reaches beyond it")
        key = key[:shared] + block[position : position + fresh].tobytes()
        budget.spend(len(key) // 64)
        position += fresh
        yield key, block[position : position + size]
        position += size


def _variable(name: bytes, entry: memoryview) -> Variable:
    numbers = dict.fromkeys((1, 3, 4, 5), 0)
    shape: tuple[int, ...] = ()
    for number, value in protobuf.fields(entry):
        if number in numbers:
            numbers[number] = integer(value)
        elif number == 2:
            shape = tuple(_sizes(nested(value)))
    dtype, shard, offset, size = numbers.values()
    if min(shard, offset, size, *shape, 0) < 0:
        raise Malformed("a variable has a negative size")
    return Variable(
        name.decode("utf-8", "backslashreplace"), DTYPES.get(dtype, f"type {dtype}"), shape, shard, offset, size
    )


def _sizes(message: memoryview) -> Iterator[int]:
    for number, value in protobuf.fields(message):
        if number == 2:
            yield next((integer(part) for inner, part in protobuf.fields(nested(value)) if inner == 1), 0)

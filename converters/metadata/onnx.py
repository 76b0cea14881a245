"""Texts as metadata_props of an ONNX model: fields appended to the file, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..checkpoints import protobuf
from ..checkpoints.opening import mapped
from ..errors import UsageError
from .parts import refuse_taken, write_parts

_METADATA, _KEY, _VALUE = 14, 1, 2
_LARGEST_MESSAGE = (1 << 31) - 1


def embed_onnx(file: Path, output: Path, entries: Mapping[str, str]) -> None:
    """Write `file` with the entries to `output`; UsageError if a key is taken, or the file would pass 2 GiB."""
    data = mapped(file)
    refuse_taken(file, entries, _keys(data))
    added = b"".join(
        _field(_METADATA, _field(_KEY, key.encode()) + _field(_VALUE, entries[key].encode())) for key in entries
    )
    if len(data) + len(added) > _LARGEST_MESSAGE:
        raise UsageError(
            f"{file} has {len(data):,} bytes, and with metadata it would pass the 2 GiB of an ONNX file",
            fix="leave the metadata out, or store the weights beside the model",
        )
    write_parts(output, [data, added])


def _keys(model: memoryview) -> Iterator[str]:
    for number, value in protobuf.fields(model):
        if number == _METADATA:
            for inner, content in protobuf.fields(protobuf.nested(value)):
                if inner == _KEY:
                    yield protobuf.text(content)


def _field(number: int, content: bytes) -> bytes:
    """A field that holds bytes."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])

"""Texts as metadata of a LiteRT file: entries with buffers of their own, and what TensorFlow Lite's readers look for.

The file's root table is written anew in front of it. All that was there follows unchanged and as aligned as before,
with a root table that nothing refers to any more. Associated files stand behind in a ZIP archive, as TensorFlow Lite's
metadata has them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..checkpoints.malformed import Budget
from ..checkpoints.opening import mapped
from ..errors import UsageError
from ..inspection.flatbuffer import Table, root_table
from ..inspection.litert import IDENTIFIER, Buffer, Model, SubGraph, tensor_names
from ..inspection.litert_description import KEY
from .facts import ModelFacts
from .flatbuffer_writer import Data, Record, Scalar, string, written
from .litert_description import description_of
from .parts import refuse_taken, write_parts
from .root_table import longer, record_of

# What the runtime's kernels may read as numbers of any dtype.
_ALIGNMENT = 16
_SHIFT = 64
_LARGE_OPTIONS = 9  # where the options of an operator stand behind the FlatBuffer
# The end of an archive, with the longest comment, is among so many last bytes.
_ARCHIVE_END = 22 + (1 << 16)


def embed_litert(file: Path, output: Path, entries: Mapping[str, str], facts: ModelFacts | None) -> None:
    """Write `file` with the entries to `output`, and with `facts` as TensorFlow Lite's metadata.

    Raises UsageError if a key is taken, or the file cannot be described from the front.
    """
    data = mapped(file)
    root = root_table(data, Budget(len(data)))
    contents = {key: text.encode() for key, text in entries.items()}
    if facts is not None:
        contents[KEY] = description_of(facts, *tensor_names(root))
    refuse_taken(file, contents, (entry.string(0) or "" for entry in root.tables(Model.METADATA)))
    _refuse_absolute_places(file, data, root)
    front = _front(file, root, contents, data)
    archive = _archive(facts.files if facts is not None else {}, start=len(front) + len(data))
    write_parts(output, [front, data, archive])


def _front(file: Path, root: Table, contents: Mapping[str, bytes], data: memoryview) -> bytes:
    fields = record_of(root, references=Model.EXTERNAL, file=file)
    buffers = sum(1 for _ in root.tables(Model.BUFFERS))
    made = [Record({Buffer.DATA: Data(content, _ALIGNMENT)}) for content in contents.values()]
    named = [Record({0: string(key), 1: Scalar("I", buffers + place)}) for place, key in enumerate(contents)]
    fields[Model.BUFFERS] = longer(root, Model.BUFFERS, made)
    fields[Model.METADATA] = longer(root, Model.METADATA, named)
    return written(Record(fields), identifier=IDENTIFIER, before=data, alignment=_SHIFT)


def _refuse_absolute_places(file: Path, data: memoryview, root: Table) -> None:
    """Constants behind the FlatBuffer, and archives behind it, are found by their distance from the file's start."""
    constants = any(buffer.scalar(Buffer.OFFSET, "Q") > 1 for buffer in root.tables(Model.BUFFERS))
    options = any(
        operator.scalar(_LARGE_OPTIONS, "Q") > 1
        for graph in root.tables(Model.SUBGRAPHS)
        for operator in graph.tables(SubGraph.OPERATORS)
    )
    if constants or options or zipfile.is_zipfile(io.BytesIO(data[-_ARCHIVE_END:])):
        raise UsageError(
            f"{file} holds constants or files behind its graph, which would no longer be found with metadata in it",
            fix="leave the metadata out, or convert it again with `edgeproof convert`",
        )


def _archive(files: Mapping[str, str], *, start: int) -> bytes:
    """A ZIP archive of the files whose members are found from the start of what it is appended to."""
    if not files:
        return b""
    stream = _Behind(start)
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text.encode())
    return stream.getvalue()


class _Behind(io.BytesIO):
    """A stream that counts from where its content will stand in a file."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def tell(self) -> int:
        return self._start + super().tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        moved = offset - self._start if whence == io.SEEK_SET else offset
        return self._start + super().seek(moved, whence)

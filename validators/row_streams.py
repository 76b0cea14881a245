"""Reads stored arrays row by row, so that memory holds one call however many a file has."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from .accumulators import Array
from .splitting import Reading


class RowStream:
    """One array of an .npz, opened: its shape and dtype are known, its rows come one after another."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, by_columns, self.dtype = read(stream)
        self.by_columns = bool(by_columns) and len(self.shape) > 1
        if self.dtype.hasobject:
            raise ValueError("it holds pickled objects")

    def calls(self, reading: Reading) -> Iterator[Array]:
        """Its calls in order."""
        for _ in range(reading.calls):
            if reading.rows is None:
                yield self._take(self.shape)
            else:
                piece = self._take((reading.rows, *self.shape[1:]))
                yield piece[0] if reading.stacked else piece

    def _take(self, shape: tuple[int, ...]) -> Array:
        count = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        data = self._stream.read(count)
        if len(data) != count:
            raise ValueError("the file is cut off")
        return np.frombuffer(data, self.dtype).reshape(shape)


@contextmanager
def row_streams(path: Path) -> Generator[Mapping[str, RowStream]]:
    """The arrays of an .npz by name, none of them in memory."""
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        streams = {name.removesuffix(".npy"): RowStream(stack.enter_context(archive.open(name))) for name in members}
        yield streams

"""Arrays one after another in a file or a pipe, each as numpy's own .npy: what compiled guests read and write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

import numpy as np


@dataclass(frozen=True, slots=True)
class _Plain:
    """A stream that numpy reads and writes as such: of a file it would ask the position, which a pipe does not have."""

    stream: IO[bytes]

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        return self.stream.read(size)

    def write(self, data: bytes) -> int:
        """Append bytes."""
        return self.stream.write(data)


def write_arrays(stream: IO[bytes], arrays: Iterable[np.ndarray]) -> None:
    """Append the arrays, in C order."""
    for array in arrays:
        np.lib.format.write_array(_Plain(stream), np.asarray(array, order="C"), allow_pickle=False)
    stream.flush()


def read_array(stream: IO[bytes]) -> np.ndarray:
    """The next array; ValueError if the stream ends before it does."""
    return np.asarray(np.lib.format.read_array(_Plain(stream), allow_pickle=False))

"""Arrays in files and pipes: every dtype and shape comes back as it was, and a stream that ends too early is told."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.validators.guests.npy_stream import read_array, write_arrays

ARRAYS: list[np.ndarray[Any, Any]] = [
    np.array([[1, 2], [3, 4]], np.float32),
    np.array(7, np.int64),
    np.zeros((0, 3), np.int8),
    np.array([True, False]),
    np.arange(6, dtype=np.float16).reshape(2, 3).T,
]


def same(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    return left.dtype == right.dtype and left.shape == right.shape and bool(np.array_equal(left, right))


def test_arrays_come_back_from_a_file(tmp_path: Path):
    path = tmp_path / "arrays"
    with path.open("wb") as stream:
        write_arrays(stream, ARRAYS)
    with path.open("rb") as stream:
        assert all(same(read_array(stream), np.asarray(array)) for array in ARRAYS)


def test_arrays_come_back_from_a_pipe():
    readable, writable = os.pipe()
    large = np.arange(100_000, dtype=np.float64)

    def write() -> None:
        with os.fdopen(writable, "wb") as stream:
            write_arrays(stream, [large, *ARRAYS])

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(readable, "rb") as stream:
        assert all(same(read_array(stream), np.asarray(array)) for array in [large, *ARRAYS])
    thread.join()


def test_a_stream_that_ends_in_an_array_is_an_error():
    stream = io.BytesIO()
    write_arrays(stream, [np.arange(10)])
    with pytest.raises(ValueError, match=r"."):
        read_array(io.BytesIO(stream.getvalue()[:-3]))

"""Files are written whole or not at all, and nothing but a plain file is replaced."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edgeproof.converters.errors import UsageError
from edgeproof.converters.writing import write_atomically


def test_a_file_is_replaced_as_a_whole(tmp_path: Path):
    place = tmp_path / "report.json"
    place.write_bytes(b"old")
    write_atomically(place, b"new")
    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_a_pipe_is_written_into_and_stays(tmp_path: Path):
    place = tmp_path / "pipe"
    os.mkfifo(place)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(place.read_bytes()))
    reader.start()
    write_atomically(place, b"report")
    reader.join(timeout=10)
    assert read == [b"report"]
    assert place.is_fifo()


def test_a_full_device_is_an_error_in_words():
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(UsageError, match="No space left"):
        write_atomically(full, b"report")
    assert full.is_char_device()

"""Writes files whole or not at all, and says in words when a disk is full."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError


@contextmanager
def explained_write_errors(path: Path) -> Generator[None]:
    """Within it, the system's refusal to write becomes a UsageError that names `path`."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} could not be written: {error.strerror or error}",
            fix="free space, or choose another folder with -o; scratch files go to $TMPDIR",
        ) from error


def write_atomically(path: Path, payload: bytes) -> None:
    """Write through a temporary name beside `path`, so that there is never half a file; UsageError if it fails.

    What is there and no plain file, such as /dev/stdout or a named pipe, is written into and not replaced.
    """
    if path.exists() and not path.is_file():
        with explained_write_errors(path), path.open("wb") as stream:
            stream.write(payload)
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with explained_write_errors(path), partial.open("wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise

"""Writes files whole or not at all, and says in words when a disk is full."""

from __future__ import annotations

import os
import secrets
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


@contextmanager
def atomic_replacement(path: Path) -> Generator[Path]:
    """Within it, the temporary name to write under, which becomes `path` afterwards, or nothing if anything fails.

    The name is no other writer's: of two that write the same file at once, the last one stays. Raises UsageError if
    the system refuses to write.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with explained_write_errors(path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, payload: bytes) -> None:
    """Write through a temporary name beside `path`, so that there is never half a file; UsageError if it fails.

    What is there and no plain file, such as /dev/stdout or a named pipe, is written into and not replaced.
    """
    if path.exists() and not path.is_file():
        with explained_write_errors(path), path.open("wb") as stream:
            stream.write(payload)
        return
    with atomic_replacement(path) as partial, partial.open("wb") as stream:
        stream.write(payload)
        stream.flush()
        os.fsync(stream.fileno())

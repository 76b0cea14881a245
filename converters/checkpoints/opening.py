"""Opens a foreign file for reading: regular files alone, mapped, and every failure as one error with its fix."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SourceError, UnsafeInput
from .malformed import Malformed, Refused

FETCH_AGAIN = "fetch or save the checkpoint again"
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def mapped_file(path: Path) -> mmap.mmap:
    """The file's bytes, read from disk where they are looked at; SourceError if it is missing, empty or no file."""
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        _refuse_what_is_no_file(path, status.st_mode)
        if status.st_size == 0:
            raise SourceError(f"{path} is empty (0 bytes)", fix=FETCH_AGAIN)
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)


def mapped(path: Path) -> memoryview:
    """The same as a view."""
    return memoryview(mapped_file(path))


def status_of(path: Path) -> os.stat_result:
    """What the system says about a path; SourceError if it is missing or cannot be looked at."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            f"the name {os.fsencode(path)!r} is no UTF-8, and messages to workers and reports are",
            fix="rename the file",
        ) from error
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


@contextmanager
def damage_named(path: Path, what: str) -> Generator[None]:
    """Turns what a reader says about bytes into errors that name the file: SourceError, UnsafeInput."""
    article = "an" if what.startswith(("HDF5", *"AEIOaeio")) else "a"
    try:
        yield
    except Malformed as error:
        raise SourceError(
            f"{path} looks like {article} {what}, but it is damaged or cut off: {error}", fix=FETCH_AGAIN
        ) from error
    except Refused as error:
        raise UnsafeInput(
            f"{path}, {article} {what}, {error.what}", fix="do not load it; get the file again from a source you trust"
        ) from error


def _open(path: Path) -> int:
    try:
        # Without O_NONBLOCK, opening a FIFO waits for whoever writes to it.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        _refuse_what_is_no_file(path, status_of(path).st_mode)
        raise unreadable(path, error) from error


def _refuse_what_is_no_file(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder, not a file", fix="name the file inside it")
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise SourceError(f"{path} is {kind}, and a file is needed", fix="save the checkpoint to a file, and name that")


def _missing(path: Path) -> SourceError:
    return SourceError(f"{path} does not exist", fix="check the path; a factory is written file.py:function")


def unreadable(path: Path, error: OSError | ValueError) -> SourceError:
    """The error of a path that exists and cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SourceError(f"{path} cannot be read: {reason}", fix="check its permissions, and that it is a file")

"""What a job raised, as data for the parent: out of memory, a full disk and their like under their names."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator

from ..errors import ConversionError, EdgeproofError, NeedsTensorFlow, UsageError, WorkerOutOfMemory
from .box import ErrorRecord, record

_NO_NETWORK = (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_NO_MEMORY = ("can't allocate memory", "bad_alloc", "bad alloc", "OOM when allocating", "Cannot allocate memory")
_GET_IT_FIRST = (
    "workers that open a file have no network: fetch what the model needs beforehand and name it by its path, or give "
    "a factory alone (path/to/model.py:build), which keeps the network"
)


def as_record(error: BaseException, *, offline: bool) -> ErrorRecord:
    """The error of a job; `offline` says that its worker had no network."""
    if isinstance(error, EdgeproofError):
        needed = offline and any(_is_of_network(cause) for cause in _chain(error))
        return record(type(error)(error.message, fix=_GET_IT_FIRST)) if needed else record(error)
    known = _known(error, offline=offline)
    if known is not None:
        return record(known)
    last = traceback.format_exception_only(error)[-1].strip()
    return record(ConversionError(last, fix="read the log; report it with the log if it is a bug"))


def _known(error: BaseException, *, offline: bool) -> EdgeproofError | None:
    if isinstance(error, MemoryError) or (
        isinstance(error, Exception) and any(words in str(error) for words in _NO_MEMORY)
    ):
        return WorkerOutOfMemory(
            f"memory ran out in the worker: {error}", fix="give it more with --memory, or use smaller inputs"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return UsageError(f"the disk is full: {error}", fix="free space, or set TMPDIR and -o to another disk")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return ConversionError(
            f"a file grew beyond what a model of this size can need, and was not written on: {error}",
            fix="check where the source comes from; a factory alone (path/to/model.py:build) has no such limit",
        )
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] == "tensorflow":
        return NeedsTensorFlow(
            f"TensorFlow must not be imported in this worker: {error}", fix="convert through the model's ONNX graph"
        )
    if offline and any(_is_of_network(cause) for cause in _chain(error)):
        return ConversionError(f"the job asked for the network: {error}", fix=_GET_IT_FIRST)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_of_network(error: BaseException) -> bool:
    if not isinstance(error, OSError):
        return False
    return type(error).__name__ == "gaierror" or error.errno in _NO_NETWORK  # by name: importing socket takes 2 ms

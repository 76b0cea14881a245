"""Looks at a file in a worker that may die of it: where a C library crashes or hangs there, the file is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from ..errors import SourceError, WorkerCrashed, WorkerDied
from .limits import size_on_disk
from .pool import Finished

Result = TypeVar("Result")
_LEAST_SECONDS = 30.0
_BYTES_PER_SECOND = 20 << 20


def seconds_to_look(path: Path) -> float:
    """How long looking at a file may take before it is a hang."""
    return _LEAST_SECONDS + size_on_disk(path) / _BYTES_PER_SECOND


def looked(finished: Finished[Result], path: Path) -> Result:
    """What was found; SourceError where the worker died of looking, else whatever the job raised."""
    if isinstance(finished.error, WorkerDied):
        raise _damaged(path, finished.error) from finished.error
    return finished.value()


def loaded(finished: Finished[Result], path: str | None) -> Result:
    """What was loaded; SourceError where a library crashed on the file. Loading may take all the time that there is."""
    if path is not None and isinstance(finished.error, WorkerCrashed):
        raise _damaged(Path(path), finished.error) from finished.error
    return finished.value()


def _damaged(path: Path, death: WorkerDied) -> SourceError:
    return SourceError(
        f"{path} is damaged in a way that ends whoever reads it: {death.message}",
        fix="fetch or save the checkpoint again",
        log=death.log,
    )

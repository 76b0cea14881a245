"""Measures how long calls of an artifact take: what a worker of its own does for every format."""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from ...converters.artifact import Artifact
from ...converters.errors import EdgeproofError
from ...converters.inspection.inspect import inspect_artifact
from ...converters.job import MeasureJob, Measurement
from ...converters.layouts import to_artifact
from ...converters.tensors import Call, read_calls
from ...converters.worker.stages import stage
from .protocol import OpenRunner, Runner

_STATUS = Path("/proc/self/status")
_STATM = Path("/proc/self/statm")
# Operators that do nothing but round or widen, as the formats call them, without namespace.
_ROUNDING = re.compile(r"(dynamic)?(de)?quantize(linear|_per_\w+)?(\.\w+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often to call: at least `least` times, then until `seconds` are over or there were `most` calls."""

    least: int
    most: int
    seconds: float


# torch's profiling executor has compiled a module only after its second call; caches and clocks settle meanwhile.
WARM_UP = Effort(least=3, most=50, seconds=0.2)
MEASURED = Effort(least=5, most=200, seconds=0.6)


def measure_calls(
    job: MeasureJob,
    open_runner: OpenRunner,
    *,
    executed: Callable[[Artifact], Path] = lambda artifact: Path(artifact.file),
) -> Measurement:
    """Load `job.artifact`, call it with the calls in `job.calls` in turn, and measure each call after the warm-up.

    A call is what an application sees: from arrays to arrays. `executed` gives the file with the operators that the
    runtime executes. Raises LoadError or RunError.
    """
    calls = [to_artifact(call, job.artifact.layouts) for call in read_calls(Path(job.calls))]
    before = _resident_bytes()
    with stage("load"):
        opened = open_runner(job.artifact)
    with opened as runner, _without_collections():
        with stage("warm up"):
            repeat(runner, calls, WARM_UP)
        with stage("measure"):
            seconds = repeat(runner, calls, MEASURED)
        memory = _memory_since(before)
        made_by = runner.made_by
    measured = Measurement(seconds=tuple(seconds), made_by=made_by, memory=memory)
    return _with_operators(measured, executed(job.artifact)) if job.look else measured


def repeat(runner: Runner, calls: Sequence[Call], effort: Effort) -> list[float]:
    """The seconds of each call."""
    seconds: list[float] = []
    spent = 0.0
    for call in cycle(calls):
        start = time.perf_counter()
        runner.run(call)
        seconds.append(time.perf_counter() - start)
        spent += seconds[-1]
        if len(seconds) >= effort.most or (len(seconds) >= effort.least and spent >= effort.seconds):
            break
    return seconds


@contextmanager
def _without_collections() -> Generator[None]:
    """Python's garbage is collected afterwards: it would fall on some calls and not on others."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _resident_bytes() -> int | None:
    if not _STATM.exists():
        return None
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _memory_since(before: int | None) -> int | None:
    """The peak of this process over what it held `before`; not getrusage's, which starts with the parent's."""
    if before is None:
        return None
    peak = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return max(0, int(peak.split()[1]) * 1024 - before)


def _with_operators(measured: Measurement, file: Path) -> Measurement:
    """What stands outside of delegates and only rounds or widens; nothing where the file does not tell."""
    try:
        contents = inspect_artifact(file).contents
    except EdgeproofError:
        return measured
    rounding = sum(count for name, count in contents.operators.items() if is_rounding(name))
    return replace(measured, rounding=rounding, partitions=len(contents.partitions) or _delegated(measured.made_by))


def _delegated(made_by: dict[str, str]) -> int | None:
    """LiteRT's delegate takes its part while a file is loaded, which the interpreter's runner reports."""
    if "xnnpack" not in made_by:
        return None
    count = made_by["xnnpack"].partition(" partitions of ")[0]
    return int(count) if count.isdecimal() else 0


def is_rounding(operator: str) -> bool:
    """Whether an operator of that name only goes between floats and integers."""
    return _ROUNDING.fullmatch(operator.rpartition("::")[2]) is not None

"""What `doctor` looks at besides packages: processor, memory, disk, and whether a worker answers."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..converters.errors import EdgeproofError
from ..converters.processor import Processor, this_processor
from ..converters.worker.confinement import Containment
from ..converters.worker.pool import Finished, Limits, Pool, Task
from ..converters.worker.stacks import Stack
from ..converters.worker.warm import WarmJob

_MEMORY_WANTED = 4 << 30
_DISK_WANTED = 2 << 30
_WORKER_SECONDS = 60.0
_VNNI = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})
_DOT = frozenset({"asimddp", "i8mm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """This machine; sizes in bytes, `worker_seconds` is how long a fresh worker took to answer.

    `containment` is what held for that worker, as for every one that opens somebody's file.
    """

    processor: Processor
    processors: int
    memory: int | None
    memory_available: int | None
    scratch: str
    scratch_free: int
    worker_seconds: float | None
    worker_error: str | None
    containment: Containment | None
    remarks: tuple[str, ...]


def this_machine() -> Machine:
    """Look at everything; starts one worker."""
    memory, available = _memory()
    scratch = tempfile.gettempdir()
    free = shutil.disk_usage(scratch).free
    seconds, error, containment = _try_worker()
    return Machine(
        processor=this_processor(),
        processors=len(os.sched_getaffinity(0)),
        memory=memory,
        memory_available=available,
        scratch=scratch,
        scratch_free=free,
        worker_seconds=seconds,
        worker_error=error,
        containment=containment,
        remarks=remarks_on(this_processor(), memory_available=available, scratch_free=free),
    )


def remarks_on(processor: Processor, *, memory_available: int | None, scratch_free: int) -> tuple[str, ...]:
    """What is worth knowing about a machine like this."""
    found: list[str] = []
    features = set(processor.features)
    if processor.machine == "x86_64" and not features & _VNNI:
        found.append("no VNNI: int8 may be slower than float32 here, and unsigned-by-signed int8 kernels saturate")
    if processor.machine == "aarch64" and not features & _DOT:
        found.append("no dot product instructions: int8 brings less here than on newer Arm processors")
    if memory_available is not None and memory_available < _MEMORY_WANTED:
        found.append("less than 4 GiB of memory are available: --jobs 1 keeps conversions from being killed")
    if scratch_free < _DISK_WANTED:
        found.append("less than 2 GiB are free for temporary files: set TMPDIR to a larger disk")
    return tuple(found)


def _memory() -> tuple[int | None, int | None]:
    path = Path("/proc/meminfo")
    if not path.exists():
        return None, None
    sizes = {
        key: int(value.split()[0]) * 1024
        for key, _, value in (line.partition(":") for line in path.read_text(encoding="ascii").splitlines())
        if value.strip()
    }
    return sizes.get("MemTotal"), sizes.get("MemAvailable")


def _try_worker() -> tuple[float | None, str | None, Containment | None]:
    answers: list[Finished[tuple[Any, ...]]] = []
    task: Task[tuple[Any, ...]] = Task(
        title="doctor",
        entry="edgeproof.converters.worker.warm:warm",
        job=WarmJob(entries=()),
        result=tuple,
        stack=Stack.RUNTIMES,
    )
    started = time.monotonic()
    try:
        with Pool(Limits(jobs=1, timeout=_WORKER_SECONDS), on_progress=lambda _event: None) as pool:
            pool.submit(task, answers.append)
            pool.drain()
    except (EdgeproofError, OSError) as error:
        return None, str(error), None
    failure = answers[0].error
    if failure is not None:
        return None, str(failure), None
    return time.monotonic() - started, None, pool.containment

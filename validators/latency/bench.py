"""Measures the latency of artifacts that exist already, on this machine."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ...converters import manifest
from ...converters.processor import this_processor
from ...converters.tensors import write_calls
from ...converters.versions import versions_of
from ...converters.worker.pool import Limits
from ..pipeline import Listener, ignore_progress
from ..verification import first_report, folder_of
from .advice import advise
from .measuring import Conditions, Series, measure_in_turns
from .planning import candidates_of, stored_calls
from .report import LatencyReport
from .rows import refuse_changed, rows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """Measure what lies at `place`, on each number of threads, in `rounds` of fresh processes."""

    place: Path
    threads: tuple[int, ...]
    rounds: int = 3
    limits: Limits = field(default_factory=Limits)


def bench(request: BenchRequest, *, on_progress: Listener = ignore_progress) -> LatencyReport:
    """Measure the artifacts on the stored samples, beside the fp32 of their formats, and say what follows.

    Nothing in the folder is changed. Raises InputError if there is nothing to measure, or nothing to measure on.
    """
    load = _load()
    folder, only = folder_of(request.place)
    made = manifest.read(folder)
    parity = first_report(folder)
    real = parity.real_calls if parity else 0
    candidates = candidates_of(made, folder, parity, only=only)
    calls = stored_calls(folder, real=real)
    series = [Series(candidate=each, threads=count) for each in candidates for count in request.threads]
    refuse_changed(series)
    with tempfile.TemporaryDirectory(prefix="edgeproof-bench-") as scratch:
        stored = Path(scratch) / "calls.npz"
        write_calls(stored, calls)
        limits = request.limits.for_input(folder)
        conditions = Conditions(calls=stored, limits=limits, on_progress=on_progress)
        measure_in_turns(series, rounds=request.rounds, conditions=conditions)
    rows = rows_of(series)
    processor = this_processor()
    return LatencyReport(
        source=made.source.name,
        source_sha256=made.source.sha256,
        rows=rows,
        advice=advise(rows, made, processor),
        rounds=request.rounds,
        calls=len(calls),
        real_calls=real > 0,
        processor=processor,
        processors=available_processors(),
        load=load,
        edgeproof=versions_of("edgeproof").get("edgeproof", "unknown"),
    )


def available_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None

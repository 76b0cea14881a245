"""Measures artifacts in turns, each time in a worker of its own, one worker at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...converters import registry
from ...converters.artifact import Artifact
from ...converters.errors import EdgeproofError, NotRunnable
from ...converters.job import MeasureJob, Measurement
from ...converters.micro_backends import micro_backend
from ...converters.worker.pool import Finished, Limits, Pool, Task
from ..pipeline import Listener
from ..running import not_installed
from .planning import Candidate


@dataclass(slots=True, kw_only=True)
class Series:
    """What was measured of an artifact on a number of threads; after an error nothing more is.

    `is_changed` says that the error is about the file, which is not the one that was made.
    """

    candidate: Candidate
    threads: int
    rounds: list[Measurement] = field(default_factory=list[Measurement])
    error: EdgeproofError | None = None
    is_changed: bool = False

    @property
    def seconds(self) -> list[float]:
        """Those of all calls."""
        return [seconds for measurement in self.rounds for seconds in measurement.seconds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What all measurements share: the file of calls, what a worker may use, and who hears of the progress."""

    calls: Path
    limits: Limits
    on_progress: Listener


def measure_in_turns(series: Sequence[Series], *, rounds: int, conditions: Conditions) -> None:
    """Measure every series once a round."""
    alone = replace(conditions, limits=replace(conditions.limits, jobs=1))
    for number in range(rounds):
        for one in turns(series, number):
            if one.error is None:
                _take(one, _measured(one, alone, look=number == 0))


def turns(series: Sequence[Series], number: int) -> Iterator[Series]:
    """The order of round `number`: those that are compared follow each other, and each round another one begins."""
    groups: dict[tuple[tuple[str, str], int], list[Series]] = {}
    for one in series:
        groups.setdefault((one.candidate.group, one.threads), []).append(one)
    for group in groups.values():
        first = number % len(group)
        yield from (*group[first:], *group[:first])


def _take(series: Series, finished: Finished[Measurement]) -> None:
    if finished.result is None:
        series.error = finished.failure
    else:
        series.rounds.append(finished.result)


def _measured(series: Series, conditions: Conditions, *, look: bool) -> Finished[Measurement]:
    """One measurement in a worker that has done nothing before, and does nothing after."""
    found: list[Finished[Measurement]] = []
    try:
        task = measure_task(series.candidate.artifact, series.threads, calls=conditions.calls, look=look)
    except NotRunnable as error:
        return Finished(error=error)
    with Pool(conditions.limits, on_progress=conditions.on_progress) as pool:
        pool.submit(task, found.append)
        pool.drain()
    return found[0]


def measure_task(artifact: Artifact, threads: int, *, calls: Path, look: bool) -> Task[Measurement]:
    """The task of measuring an artifact once; raises NotRunnable if nothing here can."""
    if micro_backend(artifact.backend) is not None:
        raise NotRunnable(
            f"no {artifact.backend} is here, and what computes in its place is no measure of it",
            fix="measure on the device; the report of `edgeproof convert` has its compiler's estimate, if it has one",
        )
    row = registry.runners().get(artifact.format)
    if row is None or not row.measure:
        raise NotRunnable(
            f"nothing here measures {artifact.format!r}", fix="measure the formats that `edgeproof formats` lists"
        )
    if row.missing:
        raise not_installed(row.missing, f"running {row.format}", row.extra)
    return Task(
        title=f"{artifact.format} {artifact.precision}, {threads} {'thread' if threads == 1 else 'threads'}",
        entry=row.measure,
        job=MeasureJob(artifact=artifact, calls=str(calls), threads=threads, look=look),
        result=Measurement,
        stack=row.measure_stack or row.stack,
    )

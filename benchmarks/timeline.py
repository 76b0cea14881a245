"""Where a run of `edgeproof convert -v --json` spent its time: which jobs ran when and in which stages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from measure import markdown_table, megabytes

_EVENT = re.compile(r"^\s*(?P<at>\d+\.\d+) s {2}(?P<title>.+): (?P<stage>\w+)$")
_ENDS = {"done", "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of the workers: seconds since the command began its work, seconds per stage, its worker's peak."""

    title: str
    start: float
    end: float
    stages: dict[str, float]
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All jobs by start; `busy_seconds` is the sum of their lengths, `idle_seconds` what the slots had left over.

    `outside_seconds` is what the process took before its first job and after its last one.
    """

    jobs: tuple[Job, ...]
    slots: int
    busy_seconds: float
    idle_seconds: float
    outside_seconds: float

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def timeline_of(progress: str, timings: Sequence[Mapping[str, Any]], *, wall_seconds: float, slots: int) -> Timeline:
    """The timeline that the progress lines and the timings of one run tell."""
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    for match in filter(None, map(_EVENT.match, progress.splitlines())):
        at, title, stage = float(match["at"]), match["title"], match["stage"]
        if stage in _ENDS:
            begun.setdefault(title, at)
            ended[title] = at
        elif stage != "queued":
            begun.setdefault(title, at)
    known = {timing["title"]: timing for timing in timings}
    jobs = tuple(
        Job(
            title=title,
            start=start,
            end=ended.get(title, start),
            stages=dict(known.get(title, {}).get("stages", {})),
            peak_bytes=int(known.get(title, {}).get("peak_bytes", 0)),
        )
        for title, start in sorted(begun.items(), key=lambda pair: pair[1])
    )
    busy = sum(job.end - job.start for job in jobs)
    last = max((job.end for job in jobs), default=0.0)
    return Timeline(
        jobs=jobs,
        slots=slots,
        busy_seconds=busy,
        idle_seconds=slots * last - busy,
        outside_seconds=wall_seconds - last,
    )


def timeline_text(found: Timeline) -> str:
    """The jobs as a table, and the sums."""
    names = list(dict.fromkeys(name for job in found.jobs for name in job.stages))
    rows = [
        (
            job.title,
            f"{job.start:.1f}",
            f"{job.end - job.start:.1f}",
            *(f"{job.stages[name]:.1f}" if name in job.stages else "" for name in names),
            megabytes(job.peak_bytes or None),
        )
        for job in found.jobs
    ]
    sums = [sum(job.stages.get(name, 0.0) for job in found.jobs) for name in names]
    total = ("all jobs", "", f"{found.busy_seconds:.1f}", *(f"{value:.1f}" for value in sums), "")
    table = markdown_table(("job", "starts", "takes", *names, "peak of its worker"), [*rows, total])
    return (
        f"{table}\n{found.slots} slots, of which {found.idle_seconds:.1f} s lay idle; "
        f"{found.outside_seconds:.1f} s before the first job and after the last.\n"
    )

"""Runs jobs in warm workers, side by side within the processors and memory there are."""

from __future__ import annotations

import os
import select
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from ..errors import EdgeproofError, UsageError, WorkerDied
from .box import Done, Event, Failed, Request, StageStarted, restore
from .confinement import Containment
from .launch import WorkerProcess, over_memory, over_time
from .limits import Limits as Limits
from .stacks import RULES, Stack

Result = TypeVar("Result")
_POLL_SECONDS = 0.1
_MEMORY_FOR_A_WORKER = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Result]):
    """What is to be done: `entry` called with `job` in a worker of `stack`.

    `cost`, about the seconds it takes, orders the queue (expensive first); `warmth` names what the entry
    imports, so that a worker that has it already is preferred, and awaited when `sticky`. Its worker is `confined`
    unless all that it runs is the user's own. `seconds` is a time limit of its own, below that of the pool. `site` is a
    folder that the worker imports from before all that is installed.
    """

    title: str
    entry: str
    job: object
    result: type[Result]
    stack: Stack
    cost: float = 1.0
    warmth: str = ""
    sticky: bool = False
    confined: bool = True
    seconds: float | None = None
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Generic[Result]):
    """How a task ended: with `result` or with `error`; `seconds` per stage and in all."""

    result: Result | None = None
    error: EdgeproofError | None = None
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    wall_seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def failure(self) -> EdgeproofError:
        """The error of a task that has no result."""
        return self.error or EdgeproofError("a job ended without a result", fix="report this as a bug")

    def value(self) -> Result:
        """The result; raises the error if there is none."""
        if self.result is None:
            raise self.failure
        return self.result


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A task changed its stage; `stage` is "queued", "done" or "failed", or what the job calls it."""

    title: str
    stage: str


@dataclass(slots=True, kw_only=True)
class _Ticket:
    task: Task[Any]
    then: Callable[[Finished[Any]], None]
    log: str
    since: float = 0.0
    answered: bool = False


class Pool:
    """Submit tasks, then `drain()`: callbacks run in this thread and may submit more.

    As a context manager it ends every worker on the way out, whatever happened; logs of failed tasks stay.
    """

    def __init__(self, limits: Limits, *, on_progress: Callable[[Progress], None]) -> None:
        self._limits = limits
        self._on_progress = on_progress
        self._scratch = Path(tempfile.mkdtemp(prefix="edgeproof-"))
        self._logs = Path(tempfile.mkdtemp(prefix="edgeproof-logs-"))
        self._queue: list[_Ticket] = []
        self._busy: dict[WorkerProcess, _Ticket] = {}
        self._idle: list[WorkerProcess] = []
        self._count = 0
        self.containment: Containment | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self._busy, *self._idle]:
            worker.end()
        self._busy.clear()
        self._idle.clear()
        shutil.rmtree(self._scratch, ignore_errors=True)
        if not any(self._logs.iterdir()):
            self._logs.rmdir()

    @property
    def scratch(self) -> Path:
        """A folder for intermediate files; it goes when the pool does."""
        return self._scratch

    def submit(self, task: Task[Result], then: Callable[[Finished[Result]], None]) -> None:
        """Queue a task; `then` is called with how it ended."""
        self._count += 1
        name = "".join(letter if letter.isalnum() else "-" for letter in task.title)
        log = str(self._logs / f"{self._count:02d}-{name}.log")
        self._queue.append(_Ticket(task=task, then=then, log=log))
        self._on_progress(Progress(title=task.title, stage="queued"))

    def drain(self) -> None:
        """Work until nothing is queued or running."""
        while self._queue or self._busy:
            self._start_what_fits()
            self._listen()
            self._enforce_limits()

    def _start_what_fits(self) -> None:
        while len(self._busy) < self._limits.jobs:
            choice = self._choose()
            if choice is None:
                return
            ticket, worker = choice
            self._queue.remove(ticket)
            try:
                payload = msgspec.json.encode(ticket.task.job).decode()
            except UnicodeEncodeError as error:
                self._finish(ticket, Finished(error=_no_text(error)))
                continue
            self._begin(ticket, worker or self._new_worker(ticket.task), payload)

    def _new_worker(self, task: Task[Any]) -> WorkerProcess:
        threads = max(1, (os.cpu_count() or 1) // self._limits.jobs)
        confinement = self._limits.confinement if task.confined else None
        return WorkerProcess(
            task.stack, scratch=self._scratch, threads=threads, confinement=confinement, site=task.site
        )

    def _choose(self) -> tuple[_Ticket, WorkerProcess | None] | None:
        """The most expensive task that can start, and the idle worker for it (None: a new one)."""
        for ticket in sorted(self._queue, key=lambda waiting: -waiting.task.cost):
            worker = self._idle_worker_for(ticket.task)
            if worker is not None:
                return ticket, worker
            if self._should_wait_for_a_busy_worker(ticket.task):
                continue
            if self._has_memory_for_another() or not self._busy:
                return ticket, None
        return None

    def _idle_worker_for(self, task: Task[Any]) -> WorkerProcess | None:
        fitting = [worker for worker in self._idle if _suits(worker, task)]
        warm = [worker for worker in fitting if task.warmth in worker.warm]
        if warm:
            return warm[0]
        waits = task.sticky and self._should_wait_for_a_busy_worker(task)
        return None if waits else next(iter(fitting), None)

    def _should_wait_for_a_busy_worker(self, task: Task[Any]) -> bool:
        """Whether one that is busy will be of use sooner than a new one, which must import first."""
        now = time.monotonic()
        same = {worker: ticket for worker, ticket in self._busy.items() if _suits(worker, task)}
        if task.sticky and any(task.warmth in worker.warm for worker in same):
            return True
        rest = (ticket.task.cost - (now - ticket.since) for ticket in same.values())
        return any(seconds < RULES[task.stack].start_seconds for seconds in rest)

    def _has_memory_for_another(self) -> bool:
        if self._free_memory() < 2 * _MEMORY_FOR_A_WORKER:
            self._retire_idle_workers_without_work()
        return self._free_memory() > _MEMORY_FOR_A_WORKER

    def _retire_idle_workers_without_work(self) -> None:
        """They may be of use later, so they stay as long as memory does."""
        wanted = {ticket.task.stack for ticket in self._queue} | {ticket.task.stack for ticket in self._busy.values()}
        for worker in [idle for idle in self._idle if not idle.serves & wanted]:
            self._idle.remove(worker)
            worker.end()

    def _free_memory(self) -> int:
        meminfo = Path("/proc/meminfo")
        if not meminfo.exists():
            return 1 << 62
        available = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
        return int(available.split()[1]) * 1024

    def _begin(self, ticket: _Ticket, worker: WorkerProcess, payload: str) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
        ticket.since = time.monotonic()
        worker.warm.add(ticket.task.warmth)
        self._busy[worker] = ticket
        try:
            worker.ask(
                Request(
                    entry=ticket.task.entry, payload=payload, log=ticket.log, seconds=self._seconds_for(ticket.task)
                )
            )
        except WorkerDied as death:
            self._bury(worker, death)

    def _listen(self) -> None:
        by_descriptor = {worker.events: worker for worker in self._busy}
        ready, _, _ = select.select(list(by_descriptor), [], [], _POLL_SECONDS)
        for descriptor in ready:
            worker = by_descriptor[descriptor]
            try:
                for event in worker.hear():
                    self._take(worker, event)
            except WorkerDied as death:
                self._bury(worker, death)

    def _take(self, worker: WorkerProcess, event: Event) -> None:
        ticket = self._busy[worker]
        ticket.answered = worker.has_served = True
        self.containment = self.containment or worker.containment(self._limits.timeout)
        if isinstance(event, StageStarted):
            self._on_progress(Progress(title=ticket.task.title, stage=event.name))
            return
        del self._busy[worker]
        self._idle.append(worker)
        self._conclude(ticket, event)

    def _conclude(self, ticket: _Ticket, event: Done | Failed) -> None:
        wall = time.monotonic() - ticket.since
        if isinstance(event, Failed):
            error = restore(event.error, log=ticket.log)
            self._finish(ticket, Finished(error=error, seconds=event.seconds, wall_seconds=wall))
            return
        Path(ticket.log).unlink(missing_ok=True)
        result = msgspec.json.decode(event.result, type=ticket.task.result)
        self._finish(
            ticket,
            Finished(result=result, seconds=event.seconds, wall_seconds=wall, peak_bytes=event.peak_bytes),
        )

    def _finish(self, ticket: _Ticket, finished: Finished[Any]) -> None:
        stage = "done" if finished.error is None else "failed"
        self._on_progress(Progress(title=ticket.task.title, stage=stage))
        ticket.then(finished)

    def _bury(self, worker: WorkerProcess, death: WorkerDied) -> None:
        """A dead worker is the result of the one job it had; one that died idle never began the job."""
        ticket = self._busy.pop(worker)
        worker.end()
        if worker.has_served and not ticket.answered:
            self._queue.append(ticket)
            return
        death.log = ticket.log
        self._finish(ticket, Finished(error=death, wall_seconds=time.monotonic() - ticket.since))

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        for worker, ticket in list(self._busy.items()):
            title, seconds = ticket.task.title, self._seconds_for(ticket.task)
            if now - ticket.since > seconds:
                self._bury(worker, over_time(title, seconds))
                continue
            limit = worker.confinement.memory if worker.confinement else self._limits.memory
            if limit and (used := worker.resident_bytes()) > limit:
                self._bury(worker, over_memory(title, limit, used))

    def _seconds_for(self, task: Task[Any]) -> float:
        return min(self._limits.timeout, task.seconds or self._limits.timeout)


def _no_text(error: UnicodeEncodeError) -> UsageError:
    name = str(error.object).encode("utf-8", "backslashreplace").decode()
    return UsageError(f"{name} is no UTF-8, and what workers are told must be", fix="rename the file or folder")


def _suits(worker: WorkerProcess, task: Task[Any]) -> bool:
    same_packages = task.site == worker.site
    return same_packages and task.stack in worker.serves and task.confined == (worker.confinement is not None)

"""Takes cases through the whole path in warm workers: recognise, inspect, resolve, identify, load."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeproof.converters import registry
from edgeproof.converters.checkpoints.keras_facts import KerasFacts, KerasLook
from edgeproof.converters.errors import EdgeproofError, WorkerDied, WorkerOutOfMemory, WorkerTimeout
from edgeproof.converters.job import DescribeJob, Description, IdentifyJob
from edgeproof.converters.source import Framework, Source
from edgeproof.converters.worker.pool import Finished, Limits, Pool, Task
from edgeproof.converters.worker.reading import loaded, looked
from edgeproof.converters.worker.stacks import Stack

from .case import Case
from .jobs import Looked, LookJob, Refusal

LIMITS = Limits(jobs=2, timeout=60, memory=4 << 30)
_ALLOWED = {2: "refused (exit 2)", 3: "failed (exit 3)", 5: "unsafe (exit 5)"}
_BUG = "read the log; report it with the log if it is a bug"  # the fix of what no code of ours raised on purpose
LOADED, DIED, LOST = "loaded", "reader died (exit 2)", "WORKER LOST"
HANG, MEMORY, TRACEBACK, NO_FIX = "HANG", "MEMORY", "TRACEBACK", "NO FIX"
BAD = (LOST, HANG, MEMORY, TRACEBACK, NO_FIX)
_SOON = 30.0
_LONG = 30.0  # so that the pool starts a second worker of a stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a case ended: `outcome` is a heading of the report, `detail` the message."""

    case: Case
    outcome: str
    detail: str = ""
    log: str | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Trial:
    """A pool that cases go through; verdicts gather in `verdicts`."""

    pool: Pool
    scratch: Path
    inspect_keras: bool = False
    verdicts: list[Verdict] = field(default_factory=list[Verdict])

    def run(self, cases: Iterable[Case]) -> list[Verdict]:
        """Take all of them through; returns their verdicts."""
        before = len(self.verdicts)
        for case in cases:
            self._look(case)
        self.pool.drain()
        return self.verdicts[before:]

    def _look(self, case: Case) -> None:
        keras = not self.inspect_keras and ("Keras" in case.kind or "HDF5" in case.kind)
        job = LookJob(path=str(case.path), model=case.model, inputs=case.inputs, inspect=not keras)
        task = Task(
            title="look", entry="corpus.jobs:look", job=job, result=Looked, stack=Stack.RUNTIMES, cost=_LONG
        )  # fmt: skip
        started = time.monotonic()
        self.pool.submit(task, lambda finished: self._looked(case, finished, started))

    def _looked(self, case: Case, finished: Finished[Looked], started: float) -> None:
        if finished.result is None:
            self._failed(case, finished.error, started)
            return
        found = finished.result
        for refusal in (found.inspected, found.resolved):
            if refusal is not None and not (refusal.fix and refusal.message and refusal.code in _ALLOWED):
                self._end(case, NO_FIX, f"{refusal.code}: {refusal.message}", started)
                return
        if found.source is None:
            self._refused(case, found.resolved, started)
        elif found.source.framework is Framework.KERAS:
            self._inspect_keras(case, found.source, started)
        else:
            self._load(case, found.source, started)

    def _inspect_keras(self, case: Case, source: Source, started: float) -> None:
        """What `inspect` has a worker do; a refusal is not yet the end, since loading reads other things."""
        task = Task(
            title="inspect", entry="edgeproof.converters.checkpoints.keras_contents:look",
            job=KerasLook(path=str(source.path)), result=KerasFacts, stack=Stack.RUNTIMES, cost=_LONG, seconds=_SOON,
        )  # fmt: skip

        def then(finished: Finished[KerasFacts]) -> None:
            try:
                looked(finished, case.path)
            except EdgeproofError as error:
                if isinstance(finished.error, WorkerDied) or _outcome_of(error) in BAD:
                    self._failed(case, error, started, death=finished.error)
                    return
            self._identify(case, source, started)

        self.pool.submit(task, then)

    def _identify(self, case: Case, source: Source, started: float) -> None:
        task = Task(
            title="identify", entry="edgeproof.converters.checkpoints.keras_source:identify",
            job=IdentifyJob(source=source), result=Source, stack=Stack.RUNTIMES, cost=_LONG, seconds=_SOON,
        )  # fmt: skip

        def then(finished: Finished[Source]) -> None:
            try:
                self._load(case, looked(finished, case.path), started)
            except EdgeproofError as error:
                self._failed(case, error, started, death=finished.error)

        self.pool.submit(task, then)

    def _load(self, case: Case, source: Source, started: float) -> None:
        row = registry.describer(source.framework)
        folder = self.scratch / "described"
        folder.mkdir(exist_ok=True)
        job = DescribeJob(source=source, folder=str(folder))
        task = Task(
            title="source", entry=row.entry, job=job, result=Description, stack=row.stack, cost=_LONG, warmth="source"
        )

        def then(finished: Finished[Description]) -> None:
            try:
                loaded(finished, str(case.path))
                self._end(case, LOADED, "", started)
            except EdgeproofError as error:
                self._failed(case, error, started, death=finished.error)

        self.pool.submit(task, then)

    def _refused(self, case: Case, refusal: Refusal | None, started: float) -> None:
        if refusal is None:
            self._end(case, TRACEBACK, "neither a source nor an error", started)
        else:
            self._end(case, _ALLOWED[refusal.code], refusal.message, started)

    def _failed(
        self, case: Case, error: EdgeproofError | None, started: float, *, death: EdgeproofError | None = None
    ) -> None:
        if error is None:
            self._end(case, TRACEBACK, "neither a result nor an error", started)
            return
        outcome = _outcome_of(error)
        if isinstance(death, WorkerDied) and outcome == _ALLOWED[2]:
            outcome = DIED
        self._end(case, outcome, error.message, started, log=error.log)
        if error.log and outcome not in (TRACEBACK, DIED):
            Path(error.log).unlink(missing_ok=True)

    def _end(self, case: Case, outcome: str, detail: str, started: float, log: str | None = None) -> None:
        seconds = time.monotonic() - started
        self.verdicts.append(Verdict(case=case, outcome=outcome, detail=detail, log=log, seconds=seconds))


def _outcome_of(error: EdgeproofError) -> str:
    if isinstance(error, WorkerTimeout):
        return HANG
    if isinstance(error, WorkerOutOfMemory):
        return MEMORY
    if not error.fix:
        return NO_FIX
    if isinstance(error, WorkerDied):
        return LOST
    if error.fix == _BUG or error.exit_code not in _ALLOWED:
        return TRACEBACK
    return _ALLOWED[error.exit_code]


def opened_trial(scratch: Path, limits: Limits = LIMITS) -> Trial:
    """A trial whose workers find this package; to be used with its pool as a context."""
    here = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return Trial(Pool(replace(limits), on_progress=lambda _: None), scratch)

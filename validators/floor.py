"""Has the noise floor of a source measured: by its program in float64, or by its own jitter where that cannot run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..converters.errors import EdgeproofError
from ..converters.job import Description, RunResult, TruthJob
from ..converters.worker.pool import Finished, Task
from .bases import Bases
from .golden import Golden
from .noise_floor import NoiseFloor
from .planning import reference_task

Submit = Callable[[Task[Any], Callable[[Finished[Any]], None]], None]
Then = Callable[[NoiseFloor], None]

_ULP = 1.0
# A correct artifact may be further from the truth than the source: a decision counts if this much jitter leaves it.
_WIDE_ULPS = 8.0
_RUNS = 2
_WIDE_RUNS = 3


class Floor:
    """Asks for the runs that the floor is measured by, and measures it."""

    def __init__(self, golden: Golden, bases: Bases, scratch: Path, submit: Submit) -> None:
        self._golden = golden
        self._bases = bases
        self._submit = submit
        self._jittered = [scratch / f"jitter-{place}.npz" for place in range(_RUNS)]
        self._wide = [scratch / f"jitter-wide-{place}.npz" for place in range(_WIDE_RUNS)]

    def ask(self, description: Description, then: Then) -> None:
        """Call `then` with the floor."""
        decides = any(not spec.dtype.startswith("float") for spec in description.signature.outputs)
        ulps = {str(path): _ULP for path in self._jittered}
        if decides:
            ulps |= {str(path): _WIDE_ULPS for path in self._wide}
        job = TruthJob(
            program=self._bases.program,
            calls=str(self._golden.calls),
            exact=str(self._golden.truth),
            program_outputs=str(self._golden.program),
            jittered=ulps,
            feedback=self._golden.feedback,
        )
        wide = self._wide if decides else []

        def told(finished: Finished[RunResult] | EdgeproofError) -> None:
            error = finished if isinstance(finished, EdgeproofError) else finished.error
            if error is None:
                then(self._golden.measure(self._jittered, wide))
            else:
                self._ask_for_jitter(description, error.message.partition("\n")[0], then)

        self._bases.tell_truth(job, told)

    def _ask_for_jitter(self, description: Description, why: str, then: Then) -> None:
        """Run the source itself, its weights and inputs moved."""
        waiting = dict(enumerate(self._jittered))

        def ran(place: int, finished: Finished[RunResult]) -> None:
            finished.value()
            del waiting[place]
            if not waiting:
                then(self._golden.measure(self._jittered, [], why=why))

        for place, path in enumerate(self._jittered):
            task = reference_task(description, self._golden, outputs=path, required=0, jitter=place)
            self._submit(task, functools.partial(ran, place))

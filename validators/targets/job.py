"""What the command-line process asks of a worker that runs an artifact on a target."""

from __future__ import annotations

from dataclasses import dataclass

from ...converters.job import RunJob


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetJob:
    """Run `run` on `target`, whose parts lie in `folder`; `entry` is the runner of its format ("package.module:run").

    Of the calls the first `real` are samples, and the next one is the example.
    """

    run: RunJob
    target: str
    entry: str
    folder: str
    real: int

"""The job of optimising an ONNX model as ONNX Runtime does when it loads it, in a worker that may import it."""

from __future__ import annotations

from dataclasses import dataclass

from ..worker.pool import Task
from ..worker.stacks import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimiseJob:
    """Write what ONNX Runtime's graph optimisation makes of the model `file` to `output`."""

    file: str
    output: str


def optimise_task(file: str, output: str) -> Task[str]:
    """The task of it; its result is `output`."""
    return Task(
        title="optimise onnx",
        entry="edgeproof.validators.runners.onnx_optimised:optimise",
        job=OptimiseJob(file=file, output=output),
        result=str,
        stack=Stack.RUNTIMES,
        cost=0.5,
    )

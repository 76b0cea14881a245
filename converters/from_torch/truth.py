"""Runs a source's program in float64, in float32 and with jitter: what artifacts are judged by, and by how much."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree

from ..errors import EdgeproofError, SourceError
from ..job import RunResult, TruthJob
from ..layouts import to_artifact, to_source
from ..loop import Loop
from ..tensors import Call, read_calls, write_calls
from ..versions import versions_of
from ..worker.stages import stage
from .double import Jittered, as_doubles, double_module, doubles
from .passes.drop_assertions import drop_assertions
from .program import TorchProgram, program_of

Run = Callable[..., Any]


def tell_truth(job: TruthJob) -> RunResult:
    """The truth about a PyTorch source."""
    return truth_of(program_of(job.program), job)


def truth_of(program: TorchProgram, job: TruthJob) -> RunResult:
    """Store what the program gives in float32, in float64, and in float64 with every operator's result moved.

    Raises SourceError where the program does not run in float64; `job.program_outputs` is written by then.
    """
    seconds: list[float] = []
    source = program.source_program
    with stage("run"):
        plain = drop_assertions(source).module(check_guards=False)
        _write(Path(job.program_outputs), program, plain, job, seconds)
    with stage("truth"), doubles():
        try:
            exact = double_module(source)
            count = _write(Path(job.exact), program, _on_doubles(exact), job, seconds)
            for place, (path, ulps) in enumerate(job.jittered.items()):
                moved = Jittered(exact, seed=place, ulps=ulps)
                _write(Path(path), program, _on_doubles(moved.run), job, seconds)
        except EdgeproofError:
            raise
        except Exception as error:
            raise SourceError(
                f"the model does not run in float64: {type(error).__name__}: {error}",
                fix="artifacts are judged by the source's jitter instead",
            ) from error
    return RunResult(calls=count, median_call_seconds=statistics.median(seconds), made_by=versions_of("torch"))


def _on_doubles(run: Run) -> Run:
    return lambda *tensors: run(*as_doubles(tensors))


def _write(path: Path, program: TorchProgram, run: Run, job: TruthJob, seconds: list[float]) -> int:
    return write_calls(path, _outputs(program, run, job, seconds))


def _outputs(program: TorchProgram, run: Run, job: TruthJob, seconds: list[float]) -> Iterator[Call]:
    names = [spec.name for spec in program.signature.outputs]
    loop = Loop(job.feedback)
    for call in loop.calls(read_calls(Path(job.calls))):
        moved = to_artifact(call, program.layouts)
        tensors = tuple(torch.from_numpy(moved[spec.name].copy()) for spec in program.signature.inputs)
        start = time.perf_counter()
        with torch.no_grad():
            values = pytree.tree_leaves(run(*tensors))
        seconds.append(time.perf_counter() - start)
        named = {name: value.detach().numpy() for name, value in zip(names, values, strict=True)}
        yield loop.keep(to_source(named, program.layouts))

"""Runs the program that a backend's own quantiser made, in float with a rounding wherever the artifact rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from executorch.exir.passes import dim_order_ops_registry
from torch.ao.quantization.fx import _decomposed

from ...artifact import Artifact
from ...companions import Role
from ...errors import InputError
from ...job import RunResult, SimulateArtifactJob
from ...layouts import to_artifact, to_source
from ...loop import Loop
from ...source import Framework, Source, SourceKind
from ...tensors import Call, read_calls, write_calls
from ...versions import versions_of
from ...worker.stages import stage
from ..opening.exported_program import open_program

# Imported for the operators that round, and that an Ethos-U's quantiser puts in; a program calls them by name.
REGISTERS = (_decomposed, dim_order_ops_registry)


def simulate(job: SimulateArtifactJob) -> RunResult:
    """Run it on every call of the job; raises InputError if it is missing, UnsafeInput for what is no such program."""
    with stage("load"):
        module = _opened(job.artifact)
    seconds: list[float] = []
    with stage("run"), torch.no_grad():
        count = write_calls(Path(job.outputs), _outputs(module, job, seconds))
    return RunResult(calls=count, median_call_seconds=statistics.median(seconds), made_by=versions_of("torch"))


def _opened(artifact: Artifact) -> torch.nn.Module:
    paths = artifact.companion(Role.QUANTISED)
    if not paths or not Path(paths[0]).is_file():
        raise InputError(f"the quantised program of {Path(artifact.file).name} is missing", fix="convert again")
    source = Source(name="quantised", framework=Framework.TORCH, kind=SourceKind.EXPORTED_PROGRAM, path=paths[0])
    return open_program(source).module


def _outputs(module: torch.nn.Module, job: SimulateArtifactJob, seconds: list[float]) -> Iterator[Call]:
    artifact, loop = job.artifact, Loop(job.feedback)
    for call in loop.calls(read_calls(Path(job.calls))):
        moved = to_artifact(call, artifact.layouts)
        start = time.perf_counter()
        values: Any = module(*(torch.from_numpy(moved[spec.name]) for spec in artifact.signature.inputs))
        seconds.append(time.perf_counter() - start)
        given = (values,) if isinstance(values, torch.Tensor) else values
        named = {spec.name: value.numpy() for spec, value in zip(artifact.signature.outputs, given, strict=True)}
        yield loop.keep(to_source(named, artifact.layouts))

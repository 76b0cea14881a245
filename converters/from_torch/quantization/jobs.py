"""Quantises a program as a job asks, and runs what came of it as the simulation of its artifacts."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch.export import ExportedProgram

from ...errors import QuantizationError, UsageError
from ...example_inputs import read_npz
from ...job import Quantized, QuantizeJob, RunResult, SimulateJob
from ...layouts import to_artifact, to_source
from ...loop import Loop
from ...manifest import file_sha256
from ...quantization.budget import parse_budget
from ...quantization.files import write_recipe
from ...quantization.score import Score
from ...tensors import Call, read_calls, write_calls
from ...versions import versions_of
from ...worker.stages import stage
from ..program import TorchProgram
from ..quantized.simulation import simulated_for
from .making import Calls, Wish, make
from .prepare import prepared
from .quantization import Quantization, read_quantization, require_fit
from .statistics import Tensors


def quantize_program(program: TorchProgram, job: QuantizeJob) -> Quantized:
    """Make and write the recipe of a program.

    Raises QuantizationError where nothing can be quantised or the budget cannot be met, UsageError for a recipe of
    another model.
    """
    path = Path(job.program.output)
    made = _taken_over(program, job) if job.recipe is not None else _made(program, job)
    write_recipe(made.recipe, made.stored(), path)
    return Quantized(recipe=str(path), sha256=file_sha256(path))


def simulate_program(program: TorchProgram, job: SimulateJob) -> RunResult:
    """Run what `program` lowers on every call of the job and store the outputs for every format.

    Formats that round alike, as most do where nothing is measured, share one run.
    """
    seconds: list[float] = []
    count = 0
    done: dict[str, str] = {}
    lowered = program.to_lower()
    for format_name, path in job.outputs.items():
        quantised = program.quantization is not None
        simulated = simulated_for(format_name, lowered, program.precision) if quantised else lowered
        written = done.setdefault(str(simulated.graph), path)
        if written is not path:
            shutil.copyfile(written, path)
            continue
        with stage("run"):
            count = write_calls(Path(path), _outputs(program, simulated, job, seconds))
    return RunResult(calls=count, median_call_seconds=statistics.median(seconds), made_by=versions_of("torch"))


def _outputs(
    program: TorchProgram, simulated: ExportedProgram, job: SimulateJob, seconds: list[float]
) -> Iterator[Call]:
    module = simulated.module(check_guards=False)
    names = [spec.name for spec in program.signature.outputs]
    loop = Loop(job.feedback)
    for call in loop.calls(read_calls(Path(job.calls))):
        start = time.perf_counter()
        with torch.no_grad():
            values = module(*_tensors(program, call))
        seconds.append(time.perf_counter() - start)
        named = {name: value.detach().numpy() for name, value in zip(names, values, strict=True)}
        yield loop.keep(to_source(named, program.layouts))


def _made(program: TorchProgram, job: QuantizeJob) -> Quantization:
    wish = Wish(
        precision=job.program.precision,
        source=job.program.source.name,
        outputs=[spec.name for spec in program.signature.outputs],
        budget=job.budget,
        score=_score(job),
    )
    with stage("quantise"), torch.no_grad():
        return make(prepared(program.exported), _calls(program, job.calibration), wish)


def _taken_over(program: TorchProgram, job: QuantizeJob) -> Quantization:
    """A recipe made before, if it fits; a budget of this run takes the place of its own."""
    made = read_quantization(Path(job.recipe or ""))
    require_fit(made.recipe, prepared(program.exported))
    if made.recipe.precision is not job.program.precision:
        raise UsageError(
            f"the recipe is for {made.recipe.precision}, not for {job.program.precision}",
            fix=f"--precision {made.recipe.precision}",
        )
    budget = job.budget or made.recipe.budget
    if job.budget is None and budget is not None and parse_budget(budget).metric is not None:
        raise UsageError(
            f"the recipe's budget is a score ({budget}), and nothing was asked that could be scored",
            fix=f'--max-drop "{budget}" (or another budget), with labels in the .npz of --samples',
        )
    return replace(made, recipe=replace(made.recipe, source=job.program.source.name, budget=budget))


def _score(job: QuantizeJob) -> Score | None:
    metric = parse_budget(job.budget).metric if job.budget else None
    return Score(function=metric, labels=read_npz(Path(job.labels))) if metric and job.labels else None


def _calls(program: TorchProgram, calibration: str | None) -> Calls | None:
    if calibration is None:
        return None
    path = Path(calibration)
    count = sum(1 for _ in read_calls(path))
    if not count:
        raise QuantizationError("there are no calibration calls", fix="give real inputs with --calibration")
    return Calls(
        read=lambda: (_tensors(program, call) for call in read_calls(path)), count=count, sha256=file_sha256(path)
    )


def _tensors(program: TorchProgram, call: Call) -> Tensors:
    moved = to_artifact(call, program.layouts)
    return tuple(torch.from_numpy(moved[spec.name]) for spec in program.signature.inputs)

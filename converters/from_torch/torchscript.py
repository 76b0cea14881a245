"""PyTorch to TorchScript: traced, or scripted where a trace would freeze a decision."""

from __future__ import annotations

import io
import warnings

import torch
from torch.jit._trace import TracerWarning

from ..artifact import Artifact
from ..errors import ConversionError
from ..finish import finish
from ..job import ConvertJob
from ..versions import versions_of
from ..worker.stages import stage
from .flatten import FlatModule
from .lowering import Lowering
from .program import DataDependent, TorchProgram, program_of


def convert(job: ConvertJob) -> Artifact:
    """Make the TorchScript artifact of a job; raises ConversionError."""
    program = program_of(job)
    lowering = lower(program)
    return finish(
        job,
        lowering.payload,
        backend=lowering.backend,
        route=("torch", "torchscript"),
        notes=lowering.notes,
        layouts=program.layouts,
        signature=program.signature,
        made_by=versions_of("torch"),
    )


def lower(program: TorchProgram) -> Lowering:
    """TorchScript of a program as bytes."""
    scripted, notes = _script_module(program)
    with stage("lower"):
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
    return Lowering(payload=buffer.getvalue(), backend="torch", notes=notes)


def _script_module(program: TorchProgram) -> tuple[torch.jit.ScriptModule, tuple[str, ...]]:
    traced, doubts = _trace(program.module, program.examples)
    if not doubts:
        return traced, ()
    # The tracer saw a tensor turn into a Python value: harmless where the value cannot change, a lie where it
    # can. torch.export tells the two apart.
    try:
        exported = program.exported
    except DataDependent:
        return _script(program.module), ("scripted: the control flow depends on tensor values",)
    if program.signature.dims:
        return traced, ()
    again, _ = _trace(exported.module(), program.examples)
    return again, ()


def _trace(module: torch.nn.Module, examples: tuple[torch.Tensor, ...]) -> tuple[torch.jit.ScriptModule, list[str]]:
    """The traced module, and the tracer's warnings about values that it took for constants."""
    with stage("lower"), torch.no_grad(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            traced = torch.jit.trace(module, examples, check_trace=False)
        except Exception as error:
            raise ConversionError(
                f"torch.jit.trace refused the model: {type(error).__name__}: {error}", fix="read the log"
            ) from error
    doubts = [str(item.message) for item in caught if issubclass(item.category, TracerWarning)]
    return traced, doubts


def _script(module: torch.nn.Module) -> torch.jit.ScriptModule:
    inner = module.module if isinstance(module, FlatModule) else module
    try:
        return torch.jit.script(inner)
    except Exception as error:
        raise ConversionError(
            f"the control flow depends on tensor values, so a trace would lie, and torch.jit.script refused: {error}",
            fix="rewrite the branch with torch.where, or make the module scriptable",
        ) from error

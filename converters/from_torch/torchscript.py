"""PyTorch to TorchScript: traced, or scripted where a trace would freeze a decision."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.jit._trace import TracerWarning

from ..artifact import Artifact
from ..errors import ConversionError, DataDependent
from ..job import ConvertJob
from ..precision import Precision
from ..versions import versions_of
from ..worker.stages import stage
from .finishing import finish_program
from .flatten import FlatModule
from .lowering import Lowering
from .program import TorchProgram, program_of
from .script_call import ScriptCall, script_in
from .torchscript_archive import archive_of
from .torchscript_quantized import lower_quantized
from .torchscript_scan import is_whole, script_program
from .unrolled_loops import told_unrolled
from .upstream.fresh_type_names import fresh_type_names


def convert(job: ConvertJob) -> Artifact:
    """Make the TorchScript artifact of a job; raises ConversionError."""
    program = program_of(job)
    lowering = lower(program)
    return finish_program(job, program, lowering, route=("torch", "torchscript"), made_by=versions_of("torch"))


def lower(program: TorchProgram) -> Lowering:
    """TorchScript of a program as bytes."""
    if program.quantization is not None:
        quantized = program.to_lower()
        with stage("lower"):
            return lower_quantized(quantized)
    with fresh_type_names():
        scripted, notes = _script_module(program)
    with stage("lower"):
        return Lowering(payload=archive_of(scripted), backend="torch", notes=notes)


def _script_module(program: TorchProgram) -> tuple[torch.jit.ScriptModule, tuple[str, ...]]:
    if program.precision is Precision.FP16:
        return _from_program(program.to_lower()), ()
    script = script_in(program.module)
    if script is not None:
        return _saved_again(program, script)
    try:
        exported = program.exported
    except DataDependent:
        return _script(program.module), ("scripted: the control flow depends on tensor values",)
    except ConversionError as error:
        return _without_export(program, error)
    if is_whole(exported):
        # A trace of the model's own code would unroll its loop over time.
        return _from_program(exported), ()
    traced, doubts = _trace(program.module, program.examples)
    # The tracer took a tensor's value for a constant: torch.export has shown that no decision hangs on it, and its
    # program no longer holds the question. With dynamic sizes it does, and both are judged at two sizes.
    notes = told_unrolled(exported, at_most=None)
    return (_from_program(exported), notes) if doubts and not program.signature.dims else (traced, notes)


def _saved_again(program: TorchProgram, call: ScriptCall) -> tuple[torch.jit.ScriptModule, tuple[str, ...]]:
    """The source's own script where it takes the inputs as they are, else a trace that calls it."""
    flat = program.module
    if isinstance(flat, FlatModule) and flat.takes_only_tensors and flat.module is call:
        return call.script, ("the source's own TorchScript, saved again",)
    if call.keeps_state:
        raise ConversionError(
            "the source's own TorchScript keeps a state between calls, and takes arguments that are no tensors",
            fix='give numbers as tensors without dimensions: --input "rate:int64[]{16000..16000}"',
        )
    traced, _ = _trace(flat, program.examples)
    return traced, ("the source's own TorchScript, called with its fixed arguments",)


def _from_program(exported: torch.export.ExportedProgram) -> torch.jit.ScriptModule:
    with stage("lower"):
        return script_program(exported)


def _without_export(program: TorchProgram, refusal: ConversionError) -> tuple[torch.jit.ScriptModule, tuple[str, ...]]:
    """A trace where the tracer has no doubts, else a script: nothing else can tell whether a trace would lie."""
    note = f"torch.export cannot hold this model, TorchScript alone can: {refusal.message}"
    traced, doubts = _trace(program.module, program.examples)
    return (_script(program.module), (note, "scripted")) if doubts else (traced, (note,))


def _trace(module: torch.nn.Module, examples: tuple[torch.Tensor, ...]) -> tuple[torch.jit.ScriptModule, list[str]]:
    """The traced module, and the tracer's warnings about values that it took for constants."""
    with stage("lower"), torch.no_grad(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            traced: Any = torch.jit.trace(module, examples, check_trace=False, _store_inputs=False)
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

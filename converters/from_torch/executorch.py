"""PyTorch to ExecuTorch: torch.export, XNNPACK for what it can take, portable kernels for the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram

from ..artifact import Artifact
from ..errors import ConversionError, UsageError
from ..inspection.executorch import read_executorch_execution
from ..job import ConvertJob
from ..signature import Signature
from ..versions import versions_of
from ..worker.stages import stage
from .executorch_delegation import Delegated, delegate
from .executorch_operators import kernels_beside_delegate, refuse_unsupported
from .finishing import finish_program
from .lowering import Lowering
from .passes.contiguous_constants import contiguous_constants
from .passes.crops_as_slices import crops_as_slices
from .passes.drop_assertions import drop_assertions
from .passes.drop_layout_clones import drop_layout_clones
from .passes.fold_batch_norms import fold_batch_norms
from .passes.fold_constants import fold_constants
from .passes.keep_dim_reductions import keep_dim_reductions
from .passes.recurrent_to_scan import recurrent_to_scan
from .passes.sort_as_topk import sort_as_topk
from .passes.spell_out_prelu import spell_out_prelu_but_on_images
from .passes.spell_out_tanh_gelu import spell_out_tanh_gelu
from .program import program_of
from .quantization.operators import is_quantized
from .quantized.executorch_program import quantised_for_executorch
from .quantized.plain_dequantizers import plain_dequantizers
from .quantized.spare_measured import Spared
from .unrolled_loops import told_unrolled
from .upstream.exir import ExecutorchBackendConfig, MemoryPlanningPass
from .upstream.resized_scans import resized_scans
from .upstream.shortcuts import shortcuts

XNNPACK = "xnnpack"
PORTABLE = "portable"
_PASSES = (
    drop_assertions,
    recurrent_to_scan,
    fold_constants,
    fold_batch_norms,
    contiguous_constants,
    drop_layout_clones,
    keep_dim_reductions,
    spell_out_prelu_but_on_images,
    spell_out_tanh_gelu,
    sort_as_topk,
    crops_as_slices,
)


def convert(job: ConvertJob) -> Artifact:
    """Make the ExecuTorch artifact of a job; raises ConversionError, UnsupportedOperators."""
    program = program_of(job)
    exported = program.to_lower()
    with stage("lower"):
        lowering = lower(exported, program.signature, backend=job.backend)
    return finish_program(
        job,
        program,
        lowering,
        route=("torch", "torch.export", "executorch"),
        made_by=versions_of("torch", "executorch"),
    )


def lower(
    program: ExportedProgram,
    signature: Signature,  # noqa: ARG001 (every format is called alike)
    *,
    backend: str | None = None,
) -> Lowering:
    """The ExecuTorch program of an exported program; the program itself is left as it is.

    `backend` "xnnpack" (or None) delegates what XNNPACK takes, "portable" nothing. Raises UsageError for
    another backend, UnsupportedOperators with every operator that has no kernel, ConversionError for
    anything else upstream refuses.
    """
    chosen = _backend(backend)
    with shortcuts(), resized_scans():
        unrolled = told_unrolled(program)
        quantised = is_quantized(program)
        spared, told = quantised_for_executorch(program) if quantised else (Spared(program=program), ())
        delegated = delegate(plain_dequantizers(prepare(spared.program)), to_xnnpack=chosen == XNNPACK)
        refuse_unsupported(delegated.program)
        notes = (*told, *delegated.notes, *kernels_beside_delegate(delegated.program, chosen), *unrolled)
        payload = _serialised(delegated)
        execution = read_executorch_execution(memoryview(payload)) if quantised else None
        return Lowering(payload=payload, backend=chosen, notes=notes, execution=execution, spared=spared.reasons)


def prepare(program: ExportedProgram) -> ExportedProgram:
    """The program rewritten where ExecuTorch would stumble; each pass says over what."""
    for rewrite in _PASSES:
        program = rewrite(program)
    return program


def _backend(name: str | None) -> str:
    if name is None:
        return XNNPACK
    if name not in {XNNPACK, PORTABLE}:
        raise UsageError(
            f"ExecuTorch artifacts are made for the backends {XNNPACK} and {PORTABLE}, not for {name!r}",
            fix=f"--backend {XNNPACK}, or leave it out",
        )
    return name


def _serialised(delegated: Delegated) -> bytes:
    planning = MemoryPlanningPass(alloc_graph_input=True, alloc_graph_output=True)
    config = ExecutorchBackendConfig(memory_planning_pass=planning, extract_delegate_segments=True)
    try:
        with torch.no_grad():
            made: Any = delegated.manager.to_executorch(config)
            return bytes(made.buffer)
    except Exception as error:
        raise ConversionError(
            f"ExecuTorch could not write the program: {type(error).__name__}: {error}",
            fix="read the log; --backend portable leaves XNNPACK out",
        ) from error

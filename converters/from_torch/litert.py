"""PyTorch to LiteRT: torch.export, litert-torch's lowering to MLIR, LiteRT's converter."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from ..artifact import Artifact
from ..errors import ConversionError
from ..hazards import Hazard, HazardCode, notes_of
from ..job import ConvertJob
from ..litert_interface import order_interface
from ..precision import Precision
from ..signature import Signature
from ..versions import versions_of
from ..worker.stages import stage
from . import litert_lowerings, litert_scan
from .finishing import finish_program
from .litert_flatbuffer import flatbuffer, refuse_unloadable
from .litert_integers.lower import lower as lower_smaller
from .litert_open_sizes import with_open_sizes
from .lowering import Lowering
from .passes.clamp_infinities import clamp_infinities
from .passes.contiguous_constants import contiguous_constants
from .passes.crop_transposed_convolutions import crop_transposed_convolutions
from .passes.drop_layout_clones import drop_layout_clones
from .passes.exact_nearest_upsampling import exact_nearest_upsampling
from .passes.fold_batch_norms import fold_batch_norms
from .passes.fold_constants import fold_constants
from .passes.recurrent_to_scan import recurrent_to_scan
from .passes.sort_as_topk import sort_as_topk
from .passes.spell_out_floor_division import spell_out_floor_division
from .passes.spell_out_prelu import spell_out_prelu
from .passes.xor_as_not_equal import xor_as_not_equal
from .program import TorchProgram, program_of
from .source_lines import line_of, place_of
from .static_sizes import has_open_sizes
from .unrolled_loops import told_unrolled
from .upstream.shortcuts import shortcuts

_PASSES = (
    recurrent_to_scan,
    fold_constants,
    fold_batch_norms,
    contiguous_constants,
    clamp_infinities,
    drop_layout_clones,
    sort_as_topk,
    crop_transposed_convolutions,
    exact_nearest_upsampling,
    spell_out_floor_division,
    spell_out_prelu,
    xor_as_not_equal,
)
_DIVISIONS = (torch.ops.aten.floor_divide.default, torch.ops.aten.div.Tensor_mode)
_UNSUPPORTED_DTYPES = (torch.float64, torch.complex64, torch.complex128)


litert_scan.register()
litert_lowerings.register()


def convert(job: ConvertJob) -> Artifact:
    """Make the LiteRT artifact of a job; raises ConversionError, UnsupportedOperators."""
    program = program_of(job)
    lowering = lower_program(program)
    return finish_program(
        job,
        program,
        lowering,
        route=("torch", "torch.export", "litert-torch"),
        made_by=versions_of("torch", "litert-torch"),
    )


def lower_program(program: TorchProgram) -> Lowering:
    """The LiteRT model of a program, in its precision."""
    exported = program.exported
    with stage("lower"):
        if program.precision is Precision.FP32:
            return lower(exported, program.signature)
        return lower_smaller(program, lambda floating: lower(floating, program.signature))


def lower(program: ExportedProgram, signature: Signature) -> Lowering:
    """The LiteRT model of an exported program, its inputs and outputs named as in the signature.

    The program itself is left as it is. int64 stays int64. Raises ConversionError for float64 and complex
    tensors and for what the converter refuses, UnsupportedOperators with every operator that it does not know.
    """
    with shortcuts(), torch.no_grad():
        unrolled = told_unrolled(program)
        payload = order_interface(_payload(program, signature), signature)
        notes = (*_kept_wide(signature), *_made_narrow(program), *unrolled)
        return Lowering(payload=payload, backend="xnnpack", notes=notes)


def _payload(program: ExportedProgram, signature: Signature) -> bytes:
    if has_open_sizes(program):
        payload = with_open_sizes(program, lambda fixed: _payload(fixed, signature))
        refuse_unloadable(payload)
        return payload
    prepared = prepare(program)
    _refuse_dtypes(prepared)
    return flatbuffer(prepared, signature)


def prepare(program: ExportedProgram) -> ExportedProgram:
    """The program rewritten where LiteRT's converter would stumble; each pass says over what."""
    for rewrite in _PASSES:
        program = rewrite(program)
    return program


def _refuse_dtypes(program: ExportedProgram) -> None:
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and value.dtype in _UNSUPPORTED_DTYPES:
            dtype = str(value.dtype).removeprefix("torch.")
            raise ConversionError(
                f"LiteRT has no {dtype} kernels, and the model computes in {dtype} at {node.name}{line_of(node)}",
                fix="compute this in float32 (complex numbers as pairs of them), or leave LiteRT out with --to",
            )


def _kept_wide(signature: Signature) -> tuple[str, ...]:
    wide = [spec.name for spec in (*signature.inputs, *signature.outputs) if spec.dtype == "int64"]
    return (f"int64 kept for {', '.join(wide)}",) if wide else ()


def _made_narrow(program: ExportedProgram) -> tuple[str, ...]:
    """LiteRT divides whole numbers in 32 bits: its DIV and FLOOR_DIV have no wider kernels."""
    divided = [node for node in program.graph.nodes if node.target in _DIVISIONS]
    places = tuple(place_of(node) for node in divided if node.meta["val"].dtype is torch.int64)
    reason = "divides int64 in 32 bits: values beyond 2147483647 come out wrong"
    hazard = Hazard(code=HazardCode.NARROWED_INTEGERS, reason=reason, fix="divide smaller numbers", places=places)
    return notes_of([hazard] if places else [])

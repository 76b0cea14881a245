"""Takes a prepared program through litert-torch and LiteRT's converter to the bytes of a .tflite file."""

from __future__ import annotations

import operator
import re
from pathlib import Path
from typing import Any

import litert_torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from litert_converter.mlir import passmanager
from litert_converter.mlir._mlir_libs import converter_api_ext
from litert_torch import backend, fx_infra
from litert_torch._convert import fx_passes
from litert_torch.backend import inline_consts
from litert_torch.backend.lowerings import lookup
from torch.export import ExportedProgram

from ..errors import ConversionError, EdgeproofError, UnsupportedOperators
from ..signature import Signature
from .passes.drop_assertions import drop_assertions
from .passes.node_writer import ProgramEdit
from .source_lines import line_of
from .upstream.wide_numbers import wide_numbers

litert_torch.config.show_progress = False

_SIGNATURE = "serving_default"
_MLIR_ERROR = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+):\d+: error: (?P<what>[^\n]*)")


def flatbuffer(program: ExportedProgram, signature: Signature) -> bytes:
    """The program as a LiteRT file with one signature; raises ConversionError, UnsupportedOperators.

    This is what litert_torch.convert does after its own torch.export, with our names and without its passes
    for quantised and generative models.
    """
    try:
        payload = _converted(_rewritten(ProgramEdit(program).program()), signature)
    except EdgeproofError:
        raise
    except Exception as error:
        raise ConversionError(_in_words(error), fix="read the log; another format may have the operator") from error
    refuse_unloadable(payload)
    return payload


def _rewritten(program: ExportedProgram) -> ExportedProgram:
    """In the operators and layout that LiteRT's converter matches its own operators in."""
    program = fx_infra.graph_utils.reset_from_node_meta(program)
    table = fx_infra.decomp.pre_convert_decomp()
    program = drop_assertions(fx_infra.safe_run_decompositions(program, table, can_skip=False))
    passes = [
        fx_passes.EliminateDeadCodePass(),
        fx_passes.OptimizeLayoutTransposesPass(),
        fx_passes.CanonicalizePass(),
        fx_passes.ReduceViewRankPass(),
        fx_passes.BuildAtenCompositePass(),
        fx_passes.RemoveNonUserOutputsPass(),
    ]
    rewritten: ExportedProgram = fx_infra.run_passes(program, passes)
    return rewritten


def _converted(program: ExportedProgram, signature: Signature) -> bytes:
    context: Any = backend.export_utils.create_ir_context()
    constants = inline_consts.InlineConstsContext(enable_resource_constants=False)
    with wide_numbers():
        lowered: Any = backend.export.exported_program_to_mlir(
            program, ir_context=context, lowering_context_plugins=[constants], _pre_lower_pass=_refuse_unsupported
        )
    converter_api_ext.set_signature(
        lowered.module.operation,
        signature_name=_SIGNATURE,
        input_names=[spec.name for spec in signature.inputs],
        output_names=[spec.name for spec in signature.outputs],
    )
    module: Any = converter_api_ext.merge_modules([lowered.module])
    with context:
        converter_api_ext.run_convert_to_tfl_passes(module, passmanager.PassManager(), _config())
    return bytes(converter_api_ext.export_flatbuffer_to_bytes(module.operation))


def _config() -> Any:
    config = converter_api_ext.ConvertToTFLConfig()
    config.model_origin_framework = "PYTORCH"
    config.unsafe_fuse_dynamic_shaped_broadcast = True
    config.canonicalizing_inf_as_min_max_float = False
    # Otherwise inputs and outputs would change their dtype on the way.
    config.enable_x64 = True
    return config


def _refuse_unsupported(program: ExportedProgram) -> None:
    missing: dict[str, None] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and node.target is not operator.getitem and lookup(node.target) is None:
            missing.setdefault(f"{str(node.target).removesuffix('.default')}{line_of(node)}")
    if missing:
        raise UnsupportedOperators(
            f"litert-torch has no lowering for {len(missing)} operators of the model:\n  " + "\n  ".join(missing),
            fix="write these lines with other operators, or leave this format out with --to",
        )


def refuse_unloadable(payload: bytes) -> None:
    """Raise UnsupportedOperators if the runtime lacks an operator that the converter wrote, such as STABLEHLO_SORT."""
    try:
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        Interpreter(model_content=payload, experimental_op_resolver_type=plain).allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedOperators(
            f"LiteRT's runtime refuses what its converter made: {reason}",
            fix="write the operator it names differently, or leave LiteRT out with --to",
        ) from error


def _in_words(error: Exception) -> str:
    text = str(error).strip()
    found = _MLIR_ERROR.search(text)
    if found:
        return f"LiteRT's converter refused {Path(found['file']).name}:{found['line']}: {found['what']}"
    summary = text.splitlines()[0] if text else type(error).__name__
    return f"LiteRT's converter failed: {type(error).__name__}: {summary}"

"""PyTorch to ONNX: torch.export, then the exporter of torch.onnx, in one file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import onnx
import torch

from ..artifact import Artifact
from ..errors import ConversionError, UnsupportedOperators
from ..inspection.onnx_execution import read_onnx_execution
from ..job import ConvertJob
from ..quantization.execution import Execution
from ..signature import Signature
from ..versions import versions_of
from ..worker.stages import stage
from .finishing import finish_program
from .lowering import Lowering
from .onnx_from_script import model_of_script
from .onnx_operators import untranslatable
from .onnx_recurrent import fold_layer_weights, layers_for_onnx, translation_table
from .onnx_sizes import on_the_example
from .program import TorchProgram, program_of
from .quantization.operators import is_quantized
from .quantized.onnx_integers import finish_integers
from .quantized.onnx_operators import quantised_translations
from .quantized.onnx_program import quantised_for_onnx
from .quantized.spare_measured import Spared
from .recurrent_shapes import whole_recurrent_layers
from .unrolled_loops import told_unrolled
from .upstream.exact_neutral_constants import exact_neutral_constants

_ONE_FILE_LIMIT = 2**31 - 1


def convert(job: ConvertJob) -> Artifact:
    """Make the ONNX artifact of a job; raises ConversionError, UnsupportedOperators."""
    program = program_of(job)
    lowering = lower(program)
    return finish_program(
        job,
        program,
        lowering,
        route=("torch", "torch.export", "onnx"),
        made_by=versions_of("torch", "onnx", "onnxscript"),
    )


def lower(program: TorchProgram) -> Lowering:
    """The ONNX model of a program as bytes, weights inside."""
    made = _model(program)
    with stage("lower"):
        model = made.model
        _make_reproducible(model)
        if model.ByteSize() > _ONE_FILE_LIMIT:
            raise ConversionError(
                f"the ONNX model takes {model.ByteSize() / 2**30:.1f} GiB, and one ONNX file holds at most 2 GiB",
                fix="convert a smaller model, or leave ONNX out with --to",
            )
        payload = model.SerializeToString(deterministic=True)
        execution = None if made.quantised is None else _execution(model, made.quantised)
        return Lowering(payload=payload, backend="cpu", notes=made.notes, execution=execution, spared=made.spared)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A model, notes for its user, and which layers do not measure their input, and why.

    `quantised` is the program that it was made of, None for one in float.
    """

    model: onnx.ModelProto
    notes: tuple[str, ...]
    quantised: torch.export.ExportedProgram | None = None
    spared: dict[str, str] = field(default_factory=dict[str, str])


def _execution(model: onnx.ModelProto, program: torch.export.ExportedProgram) -> Execution:
    counted = on_the_example(model, program)
    return read_onnx_execution(memoryview(counted.SerializeToString()))


def _model(program: TorchProgram) -> _Made:
    try:
        exported = program.to_lower(whole_recurrent=True)
    except ConversionError as error:
        with stage("lower"):
            notes = ("made from TorchScript by torch.onnx's former exporter",)
            return _Made(model=model_of_script(program, error), notes=notes)
    with stage("lower"), whole_recurrent_layers():
        exported = layers_for_onnx(exported)
        quantised = program.quantization is not None
        spared = quantised_for_onnx(exported) if is_quantized(exported) else Spared(program=exported)
        model = _export(spared.program, program.signature)
        return _Made(
            model=model,
            notes=told_unrolled(spared.program),
            spared=spared.reasons,
            quantised=exported if quantised else None,
        )


def _export(exported: torch.export.ExportedProgram, signature: Signature) -> onnx.ModelProto:
    try:
        with exact_neutral_constants():
            made = torch.onnx.export(
                exported,
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=[spec.name for spec in signature.inputs],
                output_names=[spec.name for spec in signature.outputs],
                custom_translation_table=_translations(),
            )
    except torch.onnx.OnnxExporterError as error:
        raise _explained(exported, error) from error
    if made is None:
        raise ConversionError("the ONNX exporter returned nothing", fix="read the log")
    fold_layer_weights(made.model)
    finish_integers(made.model)
    return made.model_proto


def _translations() -> dict[Any, Any]:
    return {**translation_table(), **quantised_translations()}


def _explained(exported: torch.export.ExportedProgram, error: Exception) -> ConversionError:
    missing = untranslatable(exported, frozenset(_translations()))
    if missing:
        return UnsupportedOperators(
            f"ONNX has no form of {len(missing)} operators of the model:\n  " + "\n  ".join(missing),
            fix="write these lines with other operators, or leave this format out with --to",
        )
    return ConversionError(f"the ONNX exporter refused the model: {_innermost(error)}", fix="read the log")


def _innermost(error: BaseException) -> str:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}"


def _make_reproducible(model: onnx.ModelProto) -> None:
    """Take out stack traces: they hold paths of this machine and change from run to run."""
    _strip_graph(model.graph)
    for function in model.functions:
        _strip_nodes(function.node)


def _strip_graph(graph: onnx.GraphProto) -> None:
    del graph.metadata_props[:]
    for value in (*graph.value_info, *graph.input, *graph.output):
        del value.metadata_props[:]
    _strip_nodes(graph.node)


def _strip_nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        del node.metadata_props[:]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _strip_graph(inner)

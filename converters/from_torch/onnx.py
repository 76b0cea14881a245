"""PyTorch to ONNX: torch.export, then the exporter of torch.onnx, in one file."""

from __future__ import annotations

import onnx
import torch

from ..artifact import Artifact
from ..errors import ConversionError, UnsupportedOperators
from ..finish import finish
from ..job import ConvertJob
from ..signature import Signature
from ..versions import versions_of
from ..worker.stages import stage
from .lowering import Lowering
from .program import TorchProgram, program_of

_ONE_FILE_LIMIT = 2**31 - 1


def convert(job: ConvertJob) -> Artifact:
    """Make the ONNX artifact of a job; raises ConversionError, UnsupportedOperators."""
    program = program_of(job)
    lowering = lower(program)
    return finish(
        job,
        lowering.payload,
        backend=lowering.backend,
        route=("torch", "torch.export", "onnx"),
        notes=lowering.notes,
        layouts=program.layouts,
        signature=program.signature,
        made_by=versions_of("torch", "onnx", "onnxscript"),
    )


def lower(program: TorchProgram) -> Lowering:
    """The ONNX model of a program as bytes, weights inside."""
    exported = program.exported
    with stage("lower"):
        model = _export(exported, program.signature)
        _make_reproducible(model)
        if model.ByteSize() > _ONE_FILE_LIMIT:
            raise ConversionError(
                f"the ONNX model takes {model.ByteSize() / 2**30:.1f} GiB, and one ONNX file holds at most 2 GiB",
                fix="convert a smaller model, or leave ONNX out with --to",
            )
        return Lowering(payload=model.SerializeToString(deterministic=True), backend="cpu")


def _export(exported: torch.export.ExportedProgram, signature: Signature) -> onnx.ModelProto:
    try:
        made = torch.onnx.export(
            exported,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=[spec.name for spec in signature.inputs],
            output_names=[spec.name for spec in signature.outputs],
        )
    except torch.onnx.OnnxExporterError as error:
        raise UnsupportedOperators(
            f"the ONNX exporter refused the model: {_innermost(error)}", fix="read the log for the operators it names"
        ) from error
    if made is None:
        raise ConversionError("the ONNX exporter returned nothing", fix="read the log")
    return made.model_proto


def _innermost(error: BaseException) -> str:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}"


def _make_reproducible(model: onnx.ModelProto) -> None:
    """Take out stack traces: they hold paths of this machine and change from run to run."""
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    del model.graph.metadata_props[:]

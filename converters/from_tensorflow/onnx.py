"""TensorFlow to ONNX through tf2onnx, with the source's names on inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable

import keras.src.export.tf2onnx_lib as keras_patches
import onnx
import tf2onnx

from ..artifact import Artifact
from ..errors import ConversionError, UnsupportedOperators
from ..finish import finish
from ..hazards import notes_of
from ..inspection.hazards import hazards_in
from ..job import ConvertJob
from ..signature import Signature
from ..versions import versions_of
from ..worker.stages import stage
from .live import program_of_source
from .onnx_operators import HANDLERS
from .program import TensorFlowProgram
from .upstream.captured_constants import captured_constants
from .upstream.inlined_functions import inlined_functions
from .variants import variants_of

_OPSET = 18


def convert(job: ConvertJob) -> Artifact:
    """Make the ONNX artifact of a TensorFlow function; raises ConversionError, UnsupportedOperators."""
    return convert_program(job, program_of_source, tools=("tensorflow",))


def convert_program(
    job: ConvertJob, program_of: Callable[[ConvertJob], TensorFlowProgram], *, tools: tuple[str, ...]
) -> Artifact:
    """Make the ONNX artifact of a job; raises ConversionError, UnsupportedOperators."""
    with stage("export"):
        program = program_of(job)
    with stage("lower"):
        model = lower(program)
        rename_interface(model, program.signature)
    payload = model.SerializeToString(deterministic=True)
    return finish(
        job,
        payload,
        backend="cpu",
        route=(str(job.source.framework), "tf2onnx", "onnx"),
        notes=notes_of(hazards_in(payload, job.format, program.signature, variants_of(program))),
        layouts=program.layouts,
        signature=program.signature,
        made_by=versions_of(*tools, "tf2onnx", "onnx"),
    )


def lower(program: TensorFlowProgram) -> onnx.ModelProto:
    """The graph of a program with TensorFlow's own names; raises ConversionError, UnsupportedOperators."""
    # tf2onnx 1.17 does not know numpy 2; Keras carries the patch (https://github.com/onnx/tensorflow-onnx/pull/2382).
    keras_patches.patch_tf2onnx()
    try:
        with captured_constants(), inlined_functions():
            model, _ = tf2onnx.convert.from_function(
                program.function, input_signature=program.specs, opset=_OPSET, custom_op_handlers=dict(HANDLERS)
            )
    except Exception as error:
        raise ConversionError(
            f"tf2onnx failed: {type(error).__name__}: {str(error).strip()[:300]}", fix="read the log"
        ) from error
    custom = sorted({node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx")})
    if custom:
        raise UnsupportedOperators(
            f"ONNX has no form of these TensorFlow operators: {', '.join(custom)}",
            fix="replace the layers that use them",
        )
    return model


def rename_interface(model: onnx.ModelProto, signature: Signature) -> None:
    """Give inputs and outputs the signature's names and order.

    tf2onnx keeps the order of the inputs; the outputs are a mapping, which TensorFlow flattens by sorted keys.
    """
    wanted = [spec.name for spec in signature.outputs]
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    names = dict(zip(inputs, (spec.name for spec in signature.inputs), strict=True))
    names |= dict(zip(outputs, sorted(wanted), strict=True))
    taken = {name: f"{name}__inner" for name in names.values() if name not in names}
    _rename(model.graph, {**taken, **names})
    by_name = {value.name: onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in model.graph.output}
    del model.graph.output[:]
    model.graph.output.extend(by_name[name] for name in wanted)


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for field in (node.input, node.output):
            for index, name in enumerate(field):
                field[index] = names.get(name, name)
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(inner, names)

"""TensorFlow to LiteRT: a SavedModel with one explicit signature, then TensorFlow's converter."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable

import tensorflow as tf

from ..artifact import Artifact
from ..errors import ConversionError, UnsupportedOperators
from ..finish import finish
from ..hazards import notes_of
from ..inspection.hazards import hazards_in
from ..job import ConvertJob
from ..litert_interface import order_interface
from ..versions import versions_of
from ..worker.stages import stage
from .litert_zeros import zeros_at_run_time
from .live import program_of_source
from .program import TensorFlowProgram
from .variants import variants_of

_FLEX_OPERATORS = re.compile(r"^\s*Flex ops: (.*)$|^\s*TF Select ops: (.*)$", re.MULTILINE)

# What the converter says of a GRU or an LSTM whose batch is open.
_OPEN_LOOP = "'tf.TensorListReserve' op requires element_shape to be static"


def convert(job: ConvertJob) -> Artifact:
    """Make the LiteRT artifact of a TensorFlow function; raises UnsupportedOperators, ConversionError."""
    return convert_program(job, program_of_source, tools=("tensorflow",))


def convert_program(
    job: ConvertJob, program_of: Callable[[ConvertJob], TensorFlowProgram], *, tools: tuple[str, ...]
) -> Artifact:
    """Make the LiteRT artifact of a job; raises UnsupportedOperators where it would need Flex operators."""
    with stage("export"):
        program = program_of(job)
    with stage("lower"):
        lowered = zeros_at_run_time(_lower(program, allow_flex=job.options.allow_flex))
        payload = order_interface(lowered, program.signature)
    notes = ("uses Flex operators: the app must ship the TensorFlow Select runtime",) if _uses_flex(payload) else ()
    hazards = notes_of(hazards_in(payload, job.format, program.signature, variants_of(program)))
    return finish(
        job,
        payload,
        backend="xnnpack",
        route=(str(job.source.framework), "saved_model", "litert"),
        notes=(*notes, *hazards),
        layouts=program.layouts,
        signature=program.signature,
        made_by=versions_of(*tools),
    )


def _lower(program: TensorFlowProgram, *, allow_flex: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        signature = program.function.get_concrete_function(*program.specs)
        # SavedModel stores the variables it finds from the root, and it does not find those of a Keras 3 layer:
        # without this the file holds uninitialised weights, and no error says so.
        program.trackable.captured = list(signature.variables)
        tf.saved_model.save(program.trackable, folder, signatures={"serving_default": signature})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.target_spec.supported_ops = [*builtins, tf.lite.OpsSet.SELECT_TF_OPS] if allow_flex else builtins
        try:
            return bytes(converter.convert())
        except Exception as error:
            raise _explained(error) from error


def _explained(error: Exception) -> ConversionError:
    text = str(error)
    operators = [found for match in _FLEX_OPERATORS.findall(text) for found in match if found]
    if operators:
        return UnsupportedOperators(
            f"LiteRT has no built-in form of: {'; '.join(operators)}",
            fix="replace these layers, or accept the TensorFlow Select runtime in the app with --allow-flex",
        )
    if _OPEN_LOOP in text:
        return ConversionError(
            "a recurrent layer with open sizes does not go into LiteRT: TensorFlow's converter keeps a step's fixed",
            fix="leave the batch out of --dynamic (export a SavedModel with a fixed one), or leave litert out of --to",
        )
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return ConversionError(f"the LiteRT converter failed: {first}", fix="read the log for the operator it names")


def _uses_flex(payload: bytes) -> bool:
    return b"Flex" in payload

"""A Keras model as a TensorFlow function, which goes on to LiteRT and ONNX like every other."""

from __future__ import annotations

from ..artifact import Artifact
from ..fingerprint import require_same
from ..from_tensorflow import litert, onnx
from ..from_tensorflow.program import TensorFlowProgram
from ..from_tensorflow.program import program_of as program_of_call
from ..job import ConvertJob
from .live import open_source

_TOOLS = ("keras", "tensorflow")


def convert_litert(job: ConvertJob) -> Artifact:
    """Make the LiteRT artifact of a job; raises UnsupportedOperators where it would need Flex operators."""
    return litert.convert_program(job, program_of, tools=_TOOLS)


def convert_onnx(job: ConvertJob) -> Artifact:
    """Make the ONNX artifact of a job; raises ConversionError, UnsupportedOperators."""
    return onnx.convert_program(job, program_of, tools=_TOOLS)


def program_of(job: ConvertJob) -> TensorFlowProgram:
    """The function that a job converts.

    Raises SourceError if the source's factory built another model than the one that was described.
    """
    live = open_source(job.source)
    if job.fingerprint is not None:
        require_same(live.fingerprint, job.fingerprint)
    return program_of_call(job, call=live.flat.call_in_order, trackable=live.flat.model)

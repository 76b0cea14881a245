"""What runs where: which artifacts go into a bundle for which platforms, and which languages their examples are in."""

from __future__ import annotations

from pathlib import Path

from ...converters.artifact import Format
from ...converters.inspection.inspect import inspect_artifact
from ...converters.manifest import ArtifactRecord
from ...converters.micro_backends import micro_backend
from ...converters.precision import Precision
from .manifest import Platform

_PHONES = frozenset({Format.LITERT, Format.EXECUTORCH, Format.ONNX})
_MICRO_PRECISIONS = frozenset({Precision.FP32, Precision.INT8, Precision.INT8_FULL, Precision.INT16X8})
# What tflite-micro's MicroMutableOpResolver can register: tensorflow/lite/micro/micro_mutable_op_resolver.h.
_MICRO_OPERATORS = frozenset(
    """ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS
    BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV
    ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER
    GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU
    QUANTIZE READ_VARIABLE REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SELECT_V2
    SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE
    STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE
    ZEROS_LIKE""".split()
)


def platforms_of(record: ArtifactRecord, file: Path) -> tuple[Platform, ...]:
    """The platforms that an artifact, which lies at `file`, is for.

    LiteRT files without dynamic dimensions are for microcontrollers too, where tflite-micro has all their operators.
    """
    if micro_backend(record.backend) is not None:
        return (Platform.MICRO,)
    if record.format not in set(Format):
        return (Platform.LINUX_ARM64,)
    phones = (Platform.ANDROID, Platform.IOS) if record.format in _PHONES else ()
    micro = (Platform.MICRO,) if record.format == Format.LITERT and _fits_micro(record, file) else ()
    return (*phones, Platform.LINUX_ARM64, *micro)


def _fits_micro(record: ArtifactRecord, file: Path) -> bool:
    if record.dims or record.precision not in _MICRO_PRECISIONS:
        return False
    return _MICRO_OPERATORS.issuperset(inspect_artifact(file).contents.operators)

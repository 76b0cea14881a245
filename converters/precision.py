"""The numeric precisions an artifact can have, named the same in every format."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """How an artifact computes.

    `int8` has weights and activations in 8 bits with scales that calibration fixed, `int8-dynamic` measures the
    activations' scales while it runs, `int8-weights` stores weights in 8 bits and computes in float. `int8-full` takes
    and gives integers as well, `int16x8` has activations in 16 bits.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT8_DYNAMIC = "int8-dynamic"
    INT8_WEIGHTS = "int8-weights"
    INT8_FULL = "int8-full"
    INT16X8 = "int16x8"

    @property
    def is_quantized(self) -> bool:
        """Whether numbers are stored as integers with a scale."""
        return self not in {Precision.FP32, Precision.FP16}

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations are fixed before the artifact runs."""
        return self in {Precision.INT8, Precision.INT8_FULL, Precision.INT16X8}


# What the quantizers of LiteRT and torchao call the same things.
ALIASES = {
    "float32": Precision.FP32,
    "float16": Precision.FP16,
    "static_wi8_ai8": Precision.INT8,
    "static_wi8_ai16": Precision.INT16X8,
    "dynamic_wi8_afp32": Precision.INT8_DYNAMIC,
    "weight_only_wi8_afp32": Precision.INT8_WEIGHTS,
}

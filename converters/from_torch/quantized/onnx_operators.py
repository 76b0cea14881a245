"""Translates the operators of a quantised program for the ONNX exporter.

Activations become uint8 with 128 added to integer and zero point, the same grid: what DynamicQuantizeLinear gives. With
int8 activations onnxruntime 1.32 is as fast on x86 where it can turn them into uint8 itself, which it cannot where
several operators read one: 2 of the 22 convolutions of digits_cnn stayed in float. Weights stay int8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from onnxscript import opset18

from ..quantization.operators import (
    CHOOSE,
    DEQUANTIZE,
    DEQUANTIZE_CHANNELS,
    DEQUANTIZE_CHOSEN,
    QUANTIZE,
    QUANTIZE_CHOSEN,
)

op: Any = opset18  # its stubs know neither traced values nor missing inputs

_SHIFT = 128
_STORED = {torch.int8: np.int8, torch.int32: np.int32}


def quantised_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch.onnx.export takes as custom_translation_table."""
    return {
        QUANTIZE: _quantize,
        DEQUANTIZE: _dequantize,
        DEQUANTIZE_CHANNELS: _dequantize_channels,
        CHOOSE: _choose,
        QUANTIZE_CHOSEN: _quantize_chosen,
        DEQUANTIZE_CHOSEN: _quantize_chosen_back,
    }


def _quantize(x: Any, scale: float, zero_point: int, *_: Any) -> Any:
    return op.QuantizeLinear(x, _constant(scale, np.float32), _constant(zero_point + _SHIFT, np.uint8))


def _dequantize(x: Any, scale: float, zero_point: int, *_: Any) -> Any:
    if x.producer() is None:  # stored weights
        return op.DequantizeLinear(x, _constant(scale, np.float32), _constant(zero_point, np.int8))
    return op.DequantizeLinear(x, _constant(scale, np.float32), _constant(zero_point + _SHIFT, np.uint8))


def _dequantize_channels(x: Any, scales: Any, _zero_points: Any, axis: int, *_: Any) -> Any:
    return op.DequantizeLinear(x, scales, axis=axis)


def _choose(x: Any, *_: Any) -> Any:
    _integers, scale, zero_point = op.DynamicQuantizeLinear(x)
    return scale, zero_point


def _quantize_chosen(x: Any, scale: Any, zero_point: Any, *_: Any) -> Any:
    return op.QuantizeLinear(x, scale, zero_point)


def _quantize_chosen_back(x: Any, scale: Any, zero_point: Any, *_: Any) -> Any:
    return op.DequantizeLinear(x, scale, zero_point)


def _constant(value: float, dtype: Any) -> Any:
    return op.Constant(value=ir.tensor(np.array(value, dtype)))

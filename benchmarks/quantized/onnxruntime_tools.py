"""ONNX Runtime's quantizers as its documentation shows them, on the float ONNX file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .calls import Call, read_calls
from .making import Order


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Calls one after another."""

    def __init__(self, found: list[Call]) -> None:
        self._calls: Iterator[Call] = iter(found)

    def get_next(self) -> Call | None:
        """The next one."""
        call = next(self._calls, None)
        return None if call is None else {name: np.ascontiguousarray(array) for name, array in call.items()}


def static_s8s8(**order: object) -> None:
    """QDQ, activations and weights in int8, a scale per channel."""
    _static(Order.of(order), QuantType.QInt8)


def static_u8s8(**order: object) -> None:
    """QDQ, activations in uint8 and weights in int8, a scale per channel."""
    _static(Order.of(order), QuantType.QUInt8)


def _static(order: Order, activations: QuantType) -> None:
    quantize_static(
        _prepared(order),
        order.path,
        _Reader(read_calls(Path(order.calibration), order.shapes)),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=activations,
        weight_type=QuantType.QInt8,
    )


def dynamic(**order: object) -> None:
    """Every operator that quantize_dynamic knows, weights in int8."""
    found = Order.of(order)
    quantize_dynamic(_prepared(found), found.path, weight_type=QuantType.QInt8)


def _prepared(order: Order) -> str:
    """Shapes inferred and operators fused; without symbolic shapes where inferring them fails, as the guide says."""
    path = f"{order.path}.prepared.onnx"
    try:
        quant_pre_process(order.float_file, path)
    except Exception:  # noqa: BLE001 (it raises whatever goes wrong inside, a bare Exception among others)
        quant_pre_process(order.float_file, path, skip_symbolic_shape=True)
    return path

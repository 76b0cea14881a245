"""The LiteRT quantizer (ai_edge_quantizer) as its documentation shows it, on the float LiteRT file."""

from __future__ import annotations

from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe  # type: ignore[import-untyped] # has no stubs

from .calls import read_calls
from .making import Order
from .names import matching


def static(**values: object) -> None:
    """The recipe static_wi8_ai8."""
    order = Order.of(values)
    tool = quantizer.Quantizer(order.float_file, recipe.static_wi8_ai8())
    key, inputs = _signature(order.float_file)
    names = matching(list(order.shapes), inputs)
    calls = [
        {names[name]: array for name, array in call.items()}
        for call in read_calls(Path(order.calibration), order.shapes)
    ]
    tool.quantize(tool.calibrate({key: calls})).export_model(order.path, overwrite=True)


def dynamic(**values: object) -> None:
    """The recipe dynamic_wi8_afp32."""
    order = Order.of(values)
    quantizer.Quantizer(order.float_file, recipe.dynamic_wi8_afp32()).quantize().export_model(
        order.path, overwrite=True
    )


def _signature(path: str) -> tuple[str, list[str]]:
    ((key, names),) = Interpreter(model_path=path).get_signature_list().items()
    return key, list(names["inputs"])

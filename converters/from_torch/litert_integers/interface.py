"""Lets a file take and give integers, for devices that have nothing else: no operator may be left in float."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...errors import QuantizationError
from .borders import only_roundings, source_in_integers
from .graph import Graph, Scale, Type

# What kernels for these operators give in 8 bits, whatever the input's scale is.
_FIXED = {
    "SOFTMAX": (Scale(Type.INT8, 1 / 256, -128), 2),
    "LOGISTIC": (Scale(Type.INT8, 1 / 256, -128), 2),
    "TANH": (Scale(Type.INT8, 1 / 128, 0), 2),
}
_SHOWN = 6


def take_fixed_scales(graph: Graph) -> None:
    """Compute in integers what has one scale in every model."""
    for operator in list(graph.operators):
        integers = source_in_integers(graph, operator.inputs[0]) if graph.name(operator) in _FIXED else None
        if integers is None:
            continue
        scale, version = _FIXED[graph.name(operator)]
        result = operator.outputs[0]
        made = graph.in_integers(result, scale)
        graph.let_read(operator, 0, integers)
        graph.let_make(operator, made)
        graph.set_version(operator, version)
        graph.insert_after(operator, graph.operator("DEQUANTIZE", [made], [result], 2))


def take_integers(graph: Graph) -> None:
    """Make the graph's float inputs and outputs the integers that they are rounded to or made of.

    Raises QuantizationError with every operator that stays in float.
    """
    for index in graph.inputs:
        roundings = only_roundings(graph, index) if graph.is_float(index) else []
        if roundings:
            graph.replace_input(index, roundings[0].outputs[0])
            for rounding in roundings:
                graph.redirect(rounding.outputs[0], roundings[0].outputs[0])
                graph.remove(rounding)
    for index in graph.outputs:
        integers = source_in_integers(graph, index)
        if integers is not None:
            graph.replace_output(index, integers)
    graph.sweep()
    _refuse_floats(graph)


def _refuse_floats(graph: Graph) -> None:
    left = Counter(graph.name(operator) for operator in graph.operators if _is_float(graph, operator))
    if not left and not any(graph.is_float(index) for index in (*graph.inputs, *graph.outputs)):
        return
    computing = Counter({name: count for name, count in left.items() if name not in {"QUANTIZE", "DEQUANTIZE"}})
    names = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in computing.most_common(_SHOWN))
    raise QuantizationError(
        f"int8-full has no place for operators in float, and these are left: {names or 'an input or output'}",
        fix="convert in int8, which leaves them in float, or write the model without them",
    )


def _is_float(graph: Graph, operator: Any) -> bool:
    return any(graph.is_float(index) for index in (*operator.inputs, *operator.outputs))

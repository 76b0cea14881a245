"""Stores as int8 what weights are left in float after layers were taken into integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Graph, Type
from .weights import Weights, form_of

# Kernels that round a float input as they run (XNNPACK's by rows), with the version for scales by channel.
_MEASURING = {"FULLY_CONNECTED": 12, "CONV_2D": 5, "DEPTHWISE_CONV_2D": 6}
_FEWEST_HALVES = 16


def store_weights(graph: Graph, weights: Weights) -> None:
    """Give layers whose input is measured int8 weights, and all others int8 weights behind a DEQUANTIZE."""
    for operator in list(graph.operators):
        if graph.name(operator) in _MEASURING and graph.is_float(operator.inputs[0]):
            _measure(graph, operator, weights)
    for index in _float_constants(graph):
        axis = weights.axis_of(graph, index)
        stored = None if axis is None else weights.stored(graph, index, axis)
        if stored is not None:
            _expand(graph, index, stored, version=5)


def store_halves(graph: Graph) -> None:
    """Store every float constant of some size in 16 bits, behind a DEQUANTIZE that backends fold."""
    for index in _float_constants(graph):
        values = graph.constant(index)
        if values is not None and values.size >= _FEWEST_HALVES:
            _expand(graph, index, graph.store(f"{graph.label(index)}/half", _half(values)), version=2)


def _half(values: np.ndarray) -> np.ndarray:
    """The values in float16; what is beyond its range becomes its largest, except infinity."""
    largest = np.finfo(np.float16).max
    return np.where(np.isinf(values), values, np.clip(values, -largest, largest)).astype(np.float16)


def _measure(graph: Graph, operator: Any, weights: Weights) -> None:
    form = form_of(graph.name(operator))
    known = weights.find(graph, operator.inputs[form.weights])
    if known is None or not known.measured:
        return
    stored = weights.stored(graph, operator.inputs[form.weights], form.axis)
    if stored is None:
        return
    graph.let_read(operator, form.weights, stored)
    if graph.name(operator) == "FULLY_CONNECTED" and operator.builtinOptions is not None:
        operator.builtinOptions.asymmetricQuantizeInputs = True
    graph.set_version(operator, _MEASURING[graph.name(operator)])


def _float_constants(graph: Graph) -> list[int]:
    """The stored float32 tensors that operators read, in the order of their readers."""
    found = (index for operator in graph.operators for index in operator.inputs)
    return [index for index in dict.fromkeys(found) if graph.is_float(index) and graph.constant(index) is not None]


def _expand(graph: Graph, index: int, stored: int, *, version: int) -> None:
    """Let the float numbers be made of what is stored, before their first reader."""
    readers = graph.readers(index)
    first = min(readers, key=graph.place)
    real = graph.like(index, Type.FLOAT32, "float")
    for reader in readers:
        graph.let_read_all(reader, index, real)
    graph.insert_before(first, graph.operator("DEQUANTIZE", [stored], [real], version))

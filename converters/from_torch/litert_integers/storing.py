"""Stores as int8 what weights are left in float after layers were taken into integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .graph import Builtin, Graph, Type
from .weights import Weights, form_of

# Kernels that round a float input as they run (XNNPACK's by rows), with the version for scales by channel.
_MEASURING = {"FULLY_CONNECTED": 12, "CONV_2D": 5, "DEPTHWISE_CONV_2D": 6}
_FEWEST_HALVES = 16


def store_weights(graph: Graph, weights: Weights) -> None:
    """Give layers whose input is measured int8 weights, and all others int8 weights behind a DEQUANTIZE."""
    for operator in list(graph.operators):
        if _is_plain_convolution(graph, operator) and _is_measured(graph, operator, weights):
            _as_convolution(graph, operator)
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
            halves = np.clip(values, np.finfo(np.float16).min, np.finfo(np.float16).max).astype(np.float16)
            _expand(graph, index, graph.store(f"{graph.label(index)}/half", halves), version=2)


def _measure(graph: Graph, operator: Any, weights: Weights) -> None:
    form = form_of(graph.name(operator))
    if not _is_measured(graph, operator, weights):
        return
    stored = weights.stored(graph, operator.inputs[form.weights], form.axis)
    if stored is None:
        return
    graph.let_read(operator, form.weights, stored)
    if graph.name(operator) == "FULLY_CONNECTED" and operator.builtinOptions is not None:
        operator.builtinOptions.asymmetricQuantizeInputs = True
    graph.set_version(operator, _MEASURING[graph.name(operator)])


def _is_measured(graph: Graph, operator: Any, weights: Weights) -> bool:
    known = weights.find(graph, operator.inputs[form_of(graph.name(operator)).weights])
    return known is not None and known.measured


def _is_plain_convolution(graph: Graph, operator: Any) -> bool:
    """Whether a depthwise convolution has one channel to read, and so is a convolution like any other."""
    return graph.name(operator) == "DEPTHWISE_CONV_2D" and graph.shape(operator.inputs[0])[-1] == 1


def _as_convolution(graph: Graph, operator: Any) -> None:
    """XNNPACK rounds the input of CONV_2D as it runs, but not that of DEPTHWISE_CONV_2D."""
    values = graph.constant(operator.inputs[1])
    if values is None:
        return
    given, options = operator.builtinOptions, schema.Conv2DOptionsT()
    for name in ("padding", "strideW", "strideH", "dilationWFactor", "dilationHFactor", "fusedActivationFunction"):
        setattr(options, name, getattr(given, name))
    operator.builtinOptions, operator.builtinOptionsType = options, schema.BuiltinOptions.Conv2DOptions
    operator.opcodeIndex = graph.code(Builtin.CONV_2D, 1)
    label = graph.label(operator.inputs[1])
    graph.let_read(operator, 1, graph.store(f"{label}/transposed", values.transpose(3, 1, 2, 0)))


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

"""Lets layers compute in integers: DEQUANTIZE, layer, QUANTIZE becomes the layer on the integers themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .borders import merged_rounding, only_roundings, source_in_integers
from .graph import Builtin, Graph, Scale, Type
from .weights import Form, Weights, form_of

_LARGEST_BIAS = 2**31 - 1
# Versions for activations in 8 and in 16 bits.
_LIGHT = {"ADD": (2, 5), "MEAN": (2, 3), "AVERAGE_POOL_2D": (2, 3)}
_HEAVY = {
    "CONV_2D": (3, 4),
    "DEPTHWISE_CONV_2D": (3, 5),
    "TRANSPOSE_CONV": (3, 4),
    "FULLY_CONNECTED": (12, 12),
}


def compute_in_integers(graph: Graph, weights: Weights) -> None:
    """Fold every layer and light operator that stands between integers and has a kernel for them."""
    for operator in list(graph.operators):
        name = graph.name(operator)
        if name in _LIGHT:
            _fold_light(graph, operator, name)
        elif name in _HEAVY:
            _fold_heavy(graph, operator, weights)
    graph.sweep()


def _fold_light(graph: Graph, operator: Any, name: str) -> None:
    floats = operator.inputs[:2] if name == "ADD" else operator.inputs[:1]
    found = [source_in_integers(graph, index) for index in floats]
    roundings = only_roundings(graph, operator.outputs[0])
    if None in found or not roundings:
        return
    given = graph.scale(found[0] or 0)
    result = graph.scale(roundings[0].outputs[0])
    if name == "AVERAGE_POOL_2D" and given != result and not _as_mean(graph, operator):
        return  # its kernels have one scale for both sides, https://github.com/tensorflow/tensorflow/issues/47447
    for place, integers in enumerate(found):
        graph.let_read(operator, place, integers or 0)
    graph.let_make(operator, merged_rounding(graph, roundings))
    name = graph.name(operator)
    if name == "ADD" and operator.builtinOptions is not None:
        operator.builtinOptions.potScaleInt16 = False
    graph.set_version(operator, _LIGHT[name][_is_wide(result)])


def _as_mean(graph: Graph, operator: Any) -> bool:
    """Turn a pool over the whole image into MEAN, which has a scale for each side."""
    options = operator.builtinOptions
    height, width = graph.shape(operator.inputs[0])[1:3]
    whole = (options.filterHeight, options.filterWidth) == (height, width)
    if not whole or options.padding != schema.Padding.VALID or options.fusedActivationFunction:
        return False
    mean = schema.ReducerOptionsT()
    mean.keepDims = True
    operator.builtinOptions, operator.builtinOptionsType = mean, schema.BuiltinOptions.ReducerOptions
    operator.opcodeIndex = graph.code(Builtin.MEAN, 2)
    graph.let_read(operator, 1, graph.store("axes", np.array([1, 2], np.int32)))
    return True


def _fold_heavy(graph: Graph, operator: Any, weights: Weights) -> None:
    form = form_of(graph.name(operator))
    integers = source_in_integers(graph, operator.inputs[form.activation])
    roundings = only_roundings(graph, operator.outputs[0])
    if integers is None or not roundings:
        return
    scale = graph.scale(integers)
    stored = weights.stored(graph, operator.inputs[form.weights], form.axis)
    if stored is None or scale is None:
        return
    scales = np.asarray(graph.tensor(stored).quantization.scale, np.float64) * scale.step
    bias = _bias(graph, operator, form, scales, scale)
    graph.let_read(operator, form.activation, integers)
    graph.let_read(operator, form.weights, stored)
    if bias is not None:
        graph.let_read(operator, form.bias, bias)
    graph.let_make(operator, merged_rounding(graph, roundings))
    graph.set_version(operator, _HEAVY[graph.name(operator)][_is_wide(scale)])


def _bias(graph: Graph, operator: Any, form: Form, scales: np.ndarray, scale: Scale) -> int | None:
    """The bias in the steps of the products, which kernels add up in 32 bits (64 where activations have 16)."""
    index = operator.inputs[form.bias] if form.bias < len(operator.inputs) else -1
    values = graph.constant(index)
    if values is None:
        return None
    exact = np.round(values.reshape(-1).astype(np.float64) / scales)
    if _is_wide(scale):
        whole: np.ndarray = exact.astype(np.int64)
    else:
        whole = np.clip(exact, -_LARGEST_BIAS, _LARGEST_BIAS).astype(np.int32)
    return graph.store(f"{graph.label(index)}/integers", whole, np.broadcast_to(scales, whole.shape))


def _is_wide(scale: Scale | None) -> int:
    return int(scale is not None and scale.dtype == Type.INT16)

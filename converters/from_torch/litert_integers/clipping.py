"""Lets rounding do what activations do that cut values off: integers have a least and a greatest value themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .borders import merged_rounding, only_roundings, rounded
from .graph import DTYPES, Graph, Scale, Type, quantization

_BOUNDS = {
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_0_TO_1": (0.0, 1.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_VERSIONS = {Type.INT8: 2, Type.INT16: 4}


def clip(graph: Graph, operator: Any) -> bool:
    """Cut off on integers what an operator cuts off before its result is rounded; tells whether it is such a one."""
    bounds = _bounds(graph, operator)
    roundings = only_roundings(graph, operator.outputs[0]) if bounds is not None else []
    scale = graph.scale(roundings[0].outputs[0]) if roundings else None
    if bounds is None or scale is None:
        return False
    result = merged_rounding(graph, roundings)
    value = rounded(graph, operator.inputs[0], scale, operator)
    for name, bound in zip(("MAXIMUM", "MINIMUM"), bounds, strict=True):
        if not _rounding_cuts(scale, name, bound):
            value = _cut(graph, operator, name, (value, bound, scale))
    graph.redirect(result, value)
    graph.remove(operator)
    return True


def _cut(graph: Graph, anchor: Any, name: str, what: tuple[int, float, Scale]) -> int:
    """The integers `value` cut off at a bound, computed before an operator."""
    value, bound, scale = what
    limits = np.iinfo(DTYPES[scale.dtype])
    integer = np.clip(np.round(bound / scale.step) + scale.zero_point, limits.min, limits.max)
    stored = graph.store("bound", np.array([integer], DTYPES[scale.dtype]))
    graph.tensor(stored).quantization = quantization([scale.step], [scale.zero_point])
    made = graph.in_integers(value, scale, "cut")
    graph.insert_before(anchor, graph.operator(name, [value, stored], [made], _VERSIONS[scale.dtype]))
    return made


def _bounds(graph: Graph, operator: Any) -> tuple[float, float] | None:
    """Between which values an operator keeps its first input; None for an operator that does something else."""
    name = graph.name(operator)
    if name not in {"MINIMUM", "MAXIMUM"}:
        return _BOUNDS.get(name)
    bound = graph.constant(operator.inputs[1])
    if bound is None or bound.size != 1 or graph.is_stored(operator.inputs[0]):
        return None
    return (-math.inf, float(bound.item())) if name == "MINIMUM" else (float(bound.item()), math.inf)


def _rounding_cuts(scale: Scale, name: str, bound: float) -> bool:
    """Whether the integers end where MAXIMUM or MINIMUM cuts off, or before, give or take half a step."""
    limits = np.iinfo(DTYPES[scale.dtype])
    if name == "MAXIMUM":
        return (int(limits.min) - scale.zero_point) * scale.step >= bound - scale.step / 2
    return (int(limits.max) - scale.zero_point) * scale.step <= bound + scale.step / 2

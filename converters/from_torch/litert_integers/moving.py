"""Moves the borders of the integers outwards over operators that only move or select numbers: exact, and cheaper.

Converters put transposes, reshapes and pads between a layer and the rounding of its result, or between that and the
next layer. Rounded before or after they give the same.
"""

from __future__ import annotations

from typing import Any

from .borders import merged_rounding, only_roundings, rounded, source_in_integers
from .clipping import clip
from .graph import Graph, Scale, Type

# Each with its version for int8; their first input is the data. Zero stands on every grid, so PAD moves too.
_MOVING = {
    "RESHAPE": 1,
    "TRANSPOSE": 2,
    "PAD": 2,
    "SQUEEZE": 1,
    "EXPAND_DIMS": 1,
    "SLICE": 2,
    "STRIDED_SLICE": 2,
    "GATHER": 2,
    "MAX_POOL_2D": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2,
}
_WIDE = {"PAD": 3, "TRANSPOSE": 4, "MAX_POOL_2D": 3, "SLICE": 3, "STRIDED_SLICE": 4, "GATHER": 4}
_JOINING = "CONCATENATION"


def drop_barriers(graph: Graph, step: float) -> None:
    """Take out pairs of roundings of that step, which are there for the converter alone."""
    for operator in list(graph.operators):
        scale = graph.scale(operator.outputs[0]) if graph.name(operator) == "QUANTIZE" else None
        if scale is not None and scale.step == step:
            for reader in graph.readers(operator.outputs[0]):
                graph.redirect(reader.outputs[0], operator.inputs[0])
    graph.sweep()


def spread(graph: Graph) -> None:
    """Compute in integers what moves numbers, between the operators that QUANTIZE and DEQUANTIZE stand beside."""
    for operator in list(graph.operators):
        _push_down(graph, operator)
    for operator in reversed(list(graph.operators)):
        _pull_up(graph, operator)
    _join_borders(graph)
    graph.sweep()


def moves(graph: Graph, operator: Any) -> bool:
    """Whether an operator only moves numbers from its first input to its one output."""
    name = graph.name(operator)
    return name in _MOVING and len(operator.outputs) == 1 and _clips_at_zero(operator)


def version_of(name: str, dtype: int) -> int:
    """Since which version LiteRT has an operator that moves numbers on integers."""
    narrow = _MOVING.get(name, 2)
    return _WIDE.get(name, narrow) if dtype == Type.INT16 else narrow


def _clips_at_zero(operator: Any) -> bool:
    """A pool may apply an activation: none, or one whose bounds are told by kernels from the scale."""
    return getattr(operator.builtinOptions, "fusedActivationFunction", 0) in {0, 1, 3}


def _push_down(graph: Graph, operator: Any) -> None:
    """DEQUANTIZE, move -> move, DEQUANTIZE."""
    places = _data_places(graph, operator)
    found = [source_in_integers(graph, operator.inputs[place]) for place in places]
    scales = {None if integers is None else graph.scale(integers) for integers in found}
    if not places or None in scales or len(scales) != 1:
        return
    for place, integers in zip(places, found, strict=True):
        graph.let_read(operator, place, integers or 0)
    _round(graph, operator, _only(scales))
    result = operator.outputs[0]
    made = graph.in_integers(result, _only(scales))
    graph.let_make(operator, made)
    graph.insert_after(operator, graph.operator("DEQUANTIZE", [made], [result], _dequantize_version(_only(scales))))


def _data_places(graph: Graph, operator: Any) -> list[int]:
    if graph.name(operator) == _JOINING and _clips_at_zero(operator):
        return list(range(len(operator.inputs)))
    return [0] if moves(graph, operator) else []


def _pull_up(graph: Graph, operator: Any) -> None:
    """Move, QUANTIZE -> QUANTIZE, move; clip, QUANTIZE -> QUANTIZE."""
    if clip(graph, operator):
        return
    places = _data_places(graph, operator)
    if not places or not all(graph.is_float(operator.inputs[place]) for place in places):
        return
    roundings = only_roundings(graph, operator.outputs[0])
    if not roundings or any(graph.is_stored(operator.inputs[place]) for place in places):
        return
    scale = graph.scale(roundings[0].outputs[0])
    if scale is None:
        return
    graph.let_make(operator, merged_rounding(graph, roundings))
    for place in places:
        graph.let_read(operator, place, rounded(graph, operator.inputs[place], scale, operator))
    _round(graph, operator, scale)


def _round(graph: Graph, operator: Any, scale: Scale) -> None:
    graph.set_version(operator, version_of(graph.name(operator), scale.dtype))


def _join_borders(graph: Graph) -> None:
    """DEQUANTIZE, QUANTIZE -> nothing where both have one scale, and else one QUANTIZE from integers to integers."""
    for operator in list(graph.operators):
        if graph.name(operator) != "QUANTIZE":
            continue
        integers = source_in_integers(graph, operator.inputs[0])
        if integers is None:
            continue
        if graph.scale(integers) == graph.scale(operator.outputs[0]):
            graph.redirect(operator.outputs[0], integers)
            graph.remove(operator)
        else:
            graph.let_read(operator, 0, integers)
            graph.set_version(operator, 2)


def _dequantize_version(scale: Scale) -> int:
    return 3 if scale.dtype == Type.INT16 else 2


def _only(scales: set[Scale | None]) -> Scale:
    return next(scale for scale in scales if scale is not None)

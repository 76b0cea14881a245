"""Moves the borders of the integers outwards over operators that only move or select numbers: exact, and cheaper.

Converters put transposes, reshapes and pads between a layer and the rounding of its result, or between that and the
next layer. Rounded before or after they give the same.
"""

from __future__ import annotations

from typing import Any

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
# Moved only where a layer's result is rounded behind them: XNNPACK has them on float numbers alone.
_CLIPPING = {"RELU": 2, "RELU6": 2}
_WIDE = {"PAD": 3, "TRANSPOSE": 4, "MAX_POOL_2D": 3, "SLICE": 3, "STRIDED_SLICE": 4, "GATHER": 4}
_JOINING = "CONCATENATION"
# Where zero is the lowest integer, rounding itself clips what is below zero.
_LOWEST = {Type.INT8: -128}


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


def source_in_integers(graph: Graph, index: int) -> int | None:
    """The integers that a float tensor was made of by DEQUANTIZE, where they have one scale."""
    maker = graph.maker(index) if graph.is_float(index) else None
    if maker is None or graph.name(maker) != "DEQUANTIZE" or graph.is_stored(maker.inputs[0]):
        return None
    integers = maker.inputs[0]
    return integers if graph.scale(integers) is not None else None


def only_roundings(graph: Graph, index: int) -> list[Any]:
    """The QUANTIZE operators that read a float tensor, if all its readers are such, with one scale; else none."""
    readers = graph.readers(index)
    if not readers or index in graph.outputs or any(graph.name(reader) != "QUANTIZE" for reader in readers):
        return []
    scales = {graph.scale(reader.outputs[0]) for reader in readers}
    return readers if len(scales) == 1 and None not in scales else []


def merged_rounding(graph: Graph, roundings: list[Any]) -> int:
    """The integer tensor of the first of several equal roundings, which all readers then share; they are taken out."""
    first = roundings[0].outputs[0]
    for other in roundings[1:]:
        graph.redirect(other.outputs[0], first)
    for rounding in roundings:
        graph.remove(rounding)
    return first


def moves(graph: Graph, operator: Any) -> bool:
    """Whether an operator only moves numbers from its first input to its one output."""
    name = graph.name(operator)
    return (name in _MOVING or name in _CLIPPING) and len(operator.outputs) == 1 and _clips_at_zero(operator)


def version_of(name: str, dtype: int) -> int:
    """Since which version LiteRT has an operator that moves numbers on integers."""
    narrow = _MOVING.get(name) or _CLIPPING.get(name) or 2
    return _WIDE.get(name, narrow) if dtype == Type.INT16 else narrow


def _clips_at_zero(operator: Any) -> bool:
    """A pool may apply an activation: none, or one whose bounds are told by kernels from the scale."""
    return getattr(operator.builtinOptions, "fusedActivationFunction", 0) in {0, 1, 3}


def _push_down(graph: Graph, operator: Any) -> None:
    """DEQUANTIZE, move -> move, DEQUANTIZE."""
    places = _data_places(graph, operator) if graph.name(operator) not in _CLIPPING else []
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
    """Move, QUANTIZE -> QUANTIZE, move."""
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
        graph.let_read(operator, place, _rounded(graph, operator.inputs[place], scale, operator))
    _round(graph, operator, scale)
    if graph.name(operator) == "RELU" and scale.zero_point == _LOWEST.get(scale.dtype):
        graph.redirect(operator.outputs[0], operator.inputs[0])
        graph.remove(operator)


def _rounded(graph: Graph, index: int, scale: Scale, reader: Any) -> int:
    """The tensor in integers of that scale, from a QUANTIZE that is there already or a new one."""
    for other in graph.readers(index):
        same = graph.name(other) == "QUANTIZE" and graph.scale(other.outputs[0]) == scale
        if same and graph.place(other) < graph.place(reader):
            return int(other.outputs[0])
    made = graph.in_integers(index, scale)
    graph.insert_before(reader, graph.operator("QUANTIZE", [index], [made]))
    return made


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

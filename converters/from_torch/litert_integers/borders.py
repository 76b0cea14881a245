"""Where integers begin and end in a graph: the operators QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from typing import Any

from .graph import Graph, Scale


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


def rounded(graph: Graph, index: int, scale: Scale, reader: Any) -> int:
    """The tensor in integers of that scale, from a QUANTIZE that is there already or a new one."""
    for other in graph.readers(index):
        same = graph.name(other) == "QUANTIZE" and graph.scale(other.outputs[0]) == scale
        if same and graph.place(other) < graph.place(reader):
            return int(other.outputs[0])
    made = graph.in_integers(index, scale)
    graph.insert_before(reader, graph.operator("QUANTIZE", [index], [made]))
    return made

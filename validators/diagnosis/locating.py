"""Finds the first operator of a program whose value an artifact does not have, though it has what goes into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...converters.diagnosis_job import Taps, Trace, TracedNode
from ..limits import measured_limits
from .matching import Match, Values, floor_of, tells

Array = np.ndarray[Any, np.dtype[Any]]
_ROOM = 5.0


def room() -> float:
    """How many times its noise an operator's value may be off: more than an output, as what follows evens it out."""
    return _ROOM * measured_limits().rms


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator of the program beside the nearest value of the artifact, if any is near."""

    node: TracedNode
    match: Match | None
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where an artifact leaves its program.

    `guilty` is the first operator that is not reached, `fused` are those after it up to the value in which the artifact
    is seen to be off: a format computes them in one. `tap` is the artifact's operator that gives it.
    """

    guilty: TracedNode
    fused: tuple[TracedNode, ...]
    tap: str | None
    operator: str
    expected: Array
    found: Match | None


def layers_of(trace: Trace, exact: Mapping[str, Array], values: Values) -> tuple[Layer, ...]:
    """Every operator that gives a float tensor, in the order in which they run."""
    return tuple(
        _layer(node, exact[node.name], values)
        for node in trace.nodes
        if node.noise is not None and node.name in exact and tells(exact[node.name])
    )


def _layer(node: TracedNode, value: Array, values: Values) -> Layer:
    match = values.nearest(value, floor_of(value, node.noise or 0.0))
    reached = match is not None and match.ratio <= room()
    return Layer(node=node, match=match, reached=reached)


def locate(
    trace: Trace, layers: Sequence[Layer], taps: Taps, exact: Mapping[str, Array], values: Values
) -> Location | None:
    """The first operator that leaves the floor; None if every value that leads to an output is reached."""
    layer_of = {layer.node.name: layer for layer in layers}
    reached = {name for name, layer in layer_of.items() if layer.reached}
    lost = _lost([(node.name, node.inputs) for node in trace.nodes], reached, set(trace.outputs))
    guilty = next((layer.node for layer in layers if layer.node.name in lost), None)
    if guilty is None:
        return None
    matched = {layer.match.tap for layer in layers if layer.reached and layer.match is not None}
    lost_taps = _lost([(tap.name, tap.inputs) for tap in taps.taps], matched, set(taps.outputs.values()))
    tap = next((tap for tap in taps.taps if tap.name in lost_taps and tap.name not in matched), None)
    fused, found = _seen(guilty, trace, layer_of, exact, values)
    last = fused[-1] if fused else guilty
    return Location(
        guilty=guilty,
        fused=tuple(fused),
        tap=None if tap is None else tap.name,
        operator="" if tap is None else tap.operator,
        expected=exact[last.name],
        found=found,
    )


def _lost(graph: Iterable[tuple[str, Sequence[str]]], reached: set[str], outputs: set[str]) -> set[str]:
    """What is not reached, and from which a way leads to an output that meets nothing that is.

    A value inside a fused operator is not seen, but all its ways lead through one that is. One way alone proves
    nothing: a softmax that is saturated gives the same whatever came before.
    """
    ordered = list(graph)
    users: dict[str, list[str]] = {}
    for name, inputs in ordered:
        for source in inputs:
            users.setdefault(source, []).append(name)
    lost: set[str] = set()
    for name, _ in reversed(ordered):
        if name not in reached and (name in outputs or any(user in lost for user in users.get(name, ()))):
            lost.add(name)
    return lost


def _seen(
    guilty: TracedNode, trace: Trace, layers: Mapping[str, Layer], exact: Mapping[str, Array], values: Values
) -> tuple[list[TracedNode], Match | None]:
    """The operators after the guilty one in one line, up to the first whose value the artifact has something like."""
    line, best = _line_from(guilty, trace, layers), None
    until = 0
    for place, node in enumerate(line):
        value = exact[node.name]
        match = values.nearest(value, floor_of(value, node.noise or 0.0), near=True)
        if match is not None and _resembles(match.value, value):
            best, until = match, place
            break
    return line[1 : until + 1], best


def _line_from(guilty: TracedNode, trace: Trace, layers: Mapping[str, Layer], *, most: int = 4) -> list[TracedNode]:
    line = [guilty]
    for node in trace.nodes:
        if len(line) < most and line[-1].name in node.inputs and node.name in layers:
            line.append(node)
    return line


def _resembles(found: Array, expected: Array, *, least: float = 0.8) -> bool:
    left, right = found.ravel() - found.mean(), expected.ravel() - expected.mean()
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    return length > 0 and float(np.dot(left, right)) / length > least

"""Finds the first operator of a program whose value an artifact does not have, though it has what goes into it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...converters.diagnosis_job import Tap, Taps, Trace, TracedNode
from ..limits import measured_limits
from .matching import Match, Values, floor_of, tells

Array = np.ndarray[Any, np.dtype[Any]]
_ROOM = 5.0
_LONGEST_LINE = 4  # a convolution, its normalisation and its activation are computed in one
_SUSPECTS = 4
# How near what a faulty operator gives is to what it should give.
_NEAR = 0.5
_ALIKE = 0.8


def room() -> float:
    """How many times its noise an operator's value may be off: more than an output, as what follows evens it out."""
    return _ROOM * measured_limits().rms


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator of the program beside the artifact's nearest value, if any is near; `taps` all have its value."""

    node: TracedNode
    match: Match | None
    taps: tuple[str, ...]

    @property
    def reached(self) -> bool:
        """Whether the artifact has the value."""
        return bool(self.taps)


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
    """Every operator that gives a float tensor which tells it from others, in the order in which they run."""
    return tuple(
        _layer(node, exact[node.name], values)
        for node in trace.nodes
        if node.noise is not None and node.name in exact and tells(exact[node.name])
    )


def _layer(node: TracedNode, value: Array, values: Values) -> Layer:
    matches = list(values.near(value, floor_of(value, node.noise or 0.0)))
    taps = tuple(match.tap for match in matches if match.ratio <= room())
    return Layer(node=node, match=min(matches, key=lambda match: match.ratio, default=None), taps=taps)


def wrong_ones(
    trace: Trace, taps: Taps, exact: Mapping[str, Array], values: Values, given: Mapping[str, Array]
) -> tuple[Trace, Taps]:
    """The trace and the taps with those outputs alone that are wrong in what was tapped as well.

    `given` is what the artifact itself gives for the outputs that failed. They are right in the taps, if these are
    nearer to the source: then what was switched off to see them is at fault.
    """
    nodes = {node.name: node for node in trace.nodes}
    wrong = {
        name
        for name, array in given.items()
        if _is_wrong(nodes.get(trace.outputs[name]), exact, values, taps.outputs.get(name, ""), array)
    }
    return (
        replace(trace, outputs={name: node for name, node in trace.outputs.items() if name in wrong}),
        replace(taps, outputs={name: tap for name, tap in taps.outputs.items() if name in wrong}),
    )


def _is_wrong(node: TracedNode | None, exact: Mapping[str, Array], values: Values, tap: str, given: Array) -> bool:
    if node is None or node.name not in exact:  # a constant, or integers
        return True
    floor = floor_of(exact[node.name], node.noise or 0.0)
    right = values.match(tap, exact[node.name], floor)
    wrong = values.match(tap, given.astype(np.float64), floor)
    return right is None or wrong is None or not right.ratio <= max(wrong.ratio, 1.0)


def locate(
    trace: Trace, taps: Taps, layers: Sequence[Layer], exact: Mapping[str, Array], values: Values
) -> Location | None:
    """The first operator that leaves the floor; None if every value that leads to the trace's outputs is reached."""
    reached = {layer.node.name for layer in layers if layer.reached}
    lost = _lost([(node.name, node.inputs) for node in trace.nodes], reached, set(trace.outputs.values()))
    guilty = next((layer.node for layer in layers if layer.node.name in lost), None)
    if guilty is None:
        return None
    seen = {tap for layer in layers for tap in layer.taps}
    lost_taps = _lost([(tap.name, tap.inputs) for tap in taps.taps], seen, set(taps.outputs.values()))
    suspects = [tap for tap in taps.taps if tap.name in lost_taps]
    line = _line_from(guilty, trace, {layer.node.name for layer in layers}, exact)
    for tap in suspects[:_SUSPECTS]:
        until, match = _computes(tap, line, exact, values)
        if match is not None:
            return _location(guilty, line[1 : until + 1], tap, exact, match)
    return _location(guilty, [], next(iter(suspects), None), exact, None)


def _location(
    guilty: TracedNode, fused: Sequence[TracedNode], tap: Tap | None, exact: Mapping[str, Array], found: Match | None
) -> Location:
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


def _line_from(
    guilty: TracedNode, trace: Trace, names: Collection[str], exact: Mapping[str, Array]
) -> list[TracedNode]:
    """The operators after the guilty one in one line, which the artifact may compute in one with it; casts left out."""
    line, alike = [guilty], {guilty.name}
    for node in trace.nodes:
        if len(line) == _LONGEST_LINE or node.name not in names or alike.isdisjoint(node.inputs):
            continue
        if np.array_equal(exact[node.name], exact[line[-1].name]):
            alike.add(node.name)
        else:
            line.append(node)
            alike = {node.name}
    return line


def _computes(
    tap: Tap, line: Sequence[TracedNode], exact: Mapping[str, Array], values: Values
) -> tuple[int, Match | None]:
    """Which operator of the line the tap is the value of, though it is off; with None if it resembles none."""
    shares: list[float] = []
    matches: list[Match | None] = []
    for node in line:
        value = exact[node.name]
        match = values.match(tap.name, value, floor_of(value, node.noise or 0.0))
        matches.append(match)
        shares.append(math.inf if match is None else _share(match.value, value))
    place = min(range(len(line)), key=shares.__getitem__)
    found, expected = matches[place], exact[line[place].name]
    resembles = found is not None and (shares[place] < _NEAR or _correlation(found.value, expected) > _ALIKE)
    return place, found if resembles else None


def _share(found: Array, expected: Array) -> float:
    """The length of the difference as a share of what is expected."""
    length = float(np.linalg.norm(expected))
    return float(np.linalg.norm(found - expected)) / length if length else math.inf


def _correlation(found: Array, expected: Array) -> float:
    left, right = found.ravel() - found.mean(), expected.ravel() - expected.mean()
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.dot(left, right)) / length if length > 0 else 0.0

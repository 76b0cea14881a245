"""How often a Loop runs, told from its counters before it runs.

tf2onnx writes every while loop of TensorFlow as a Loop whose condition compares counters with
limits. A counter is start + step * i in iteration i, so the condition can be solved for i.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .graph import Graph, Node
from .values import Known, Value, as_number, is_number

_FORWARDED = {"Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape"}


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that is start + step * i in iteration i."""

    start: Any
    step: Any
    dtype: torch.dtype = torch.int64


def counters_of(body: Graph, first: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, Counter]:
    """The counters among the carried inputs of a body, `first` being what they start with."""
    found = {body.inputs[0]: Counter(0, 1)}
    producers = {name: node for node in body.nodes for name in node.outputs}
    for formal, after in zip(body.inputs[2:], body.outputs[1:], strict=False):
        start, node = first[formal], producers.get(after)
        step = None if node is None else _step(node, formal, values)
        if step is not None and isinstance(start, Known) and is_number(start) and start.ndim == 0:
            found[formal] = Counter(as_number(start), step, start.dtype)
    return found


def _step(node: Node, formal: str, values: Mapping[str, Value]) -> Any | None:
    if node.kind not in {"Add", "Sub"} or formal not in node.inputs:
        return None
    one, other = node.inputs
    if node.kind == "Sub" and one != formal:
        return None
    amount = values.get(other if one == formal else one)
    if not isinstance(amount, Known) or not is_number(amount):
        return None
    return as_number(amount) if node.kind == "Add" else -as_number(amount)


class TripCount:
    """Solves the condition of one loop, from the body's last node back to its counters."""

    def __init__(self, body: Graph, counters: Mapping[str, Counter], values: Mapping[str, Value]) -> None:
        self.body, self.counters, self.values = body, counters, values
        self.producers = {name: node for node in body.nodes for name in node.outputs}

    def iterations(self, limit: Any | None, *, starts: bool) -> Any | None:
        """How often the loop runs: at most `limit` times; None when only the data can tell."""
        if not starts:
            return 0
        holds = self._holds(self.body.outputs[0])
        if holds is None:
            return None
        count = holds + 1  # the condition of iteration i decides about iteration i + 1
        if limit is not None:
            count = min(limit, count)
        return None if count == math.inf else count

    def _holds(self, name: str) -> Any | None:
        """For how many iterations from the first the condition holds."""
        if name == self.body.inputs[1]:
            return math.inf
        value = self.values.get(name)
        if value is not None and is_number(value):
            return math.inf if as_number(value) else 0
        node = self.producers.get(name)
        if node is None:
            return None
        if node.kind == "And":
            one, other = (self._holds(part) for part in node.inputs)
            return None if one is None or other is None else min(one, other)
        if node.kind in {"Cast", "Identity"}:
            return self._holds(node.inputs[0])
        return self._compared(node)

    def _compared(self, node: Node) -> Any | None:
        small, large = node.inputs if node.kind.startswith("Less") else reversed(node.inputs[:2])
        if node.kind not in {"Less", "LessOrEqual", "Greater", "GreaterOrEqual"}:
            return None
        one, other = self._line(small), self._line(large)
        if one is None or other is None:
            return None
        step, gap = one.step - other.step, one.start - other.start
        if node.kind.endswith("OrEqual"):
            gap = gap - 1  # whole numbers: a <= b is a - 1 < b
        if gap >= 0:
            return 0
        return (-gap + step - 1) // step if step > 0 else math.inf

    def _line(self, name: str) -> Counter | None:
        """The value as start + step * i in whole numbers."""
        if name in self.counters:
            return self.counters[name]
        value = self.values.get(name)
        if value is not None:
            whole = _whole(as_number(value)) if is_number(value) else None
            return None if whole is None else Counter(whole, 0)
        node = self.producers.get(name)
        if node is not None and node.kind in _FORWARDED:
            return self._line(node.inputs[0])
        return None if node is None or node.kind not in {"Add", "Sub"} else self._sum(node)

    def _sum(self, node: Node) -> Counter | None:
        one, other = (self._line(part) for part in node.inputs)
        if one is None or other is None:
            return None
        sign = 1 if node.kind == "Add" else -1
        return Counter(one.start + sign * other.start, one.step + sign * other.step)


def _whole(number: Any) -> Any | None:
    if isinstance(number, (bool, int, torch.SymInt)):
        return number
    if isinstance(number, torch.SymFloat):
        return torch.sym_int(number)
    return int(number) if float(number).is_integer() else None

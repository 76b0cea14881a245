"""Reads the nodes of an ONNX model's graph with their inputs, and the shapes of its tensors.

Field numbers are those of onnx.proto (IR version 13), as in onnx.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..checkpoints import protobuf
from ..checkpoints.malformed import Budget
from ..checkpoints.protobuf import integer, integers, nested, text

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator of the main graph; `inputs` are names, empty where one is left out, `attributes` messages."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[memoryview, ...] = ()

    def input(self, place: int) -> str:
        """The name of an input, empty if there is none."""
        return self.inputs[place] if place < len(self.inputs) else ""


@dataclass(slots=True)
class Nodes:
    """The main graph: operators in order, shapes of tensors that have one, stored constants: dtypes and messages."""

    nodes: list[Node] = field(default_factory=list[Node])
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    stored: dict[str, int] = field(default_factory=dict[str, int])
    constants: dict[str, memoryview] = field(default_factory=dict[str, memoryview])

    @property
    def makers(self) -> dict[str, Node]:
        """The operator that gives each tensor."""
        return {name: node for node in self.nodes for name in node.outputs}

    @property
    def readers(self) -> dict[str, list[Node]]:
        """The operators that read each tensor."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found


def read_nodes(data: memoryview) -> Nodes:
    """Read a serialised ModelProto; raises Malformed."""
    budget = Budget(len(data))
    found = Nodes()
    for number, value in _fields(data, budget):
        if number == 7:
            _graph(nested(value), found, budget)
    return found


def _graph(graph: memoryview, found: Nodes, budget: Budget) -> None:
    for number, value in _fields(graph, budget):
        if number == 1:
            found.nodes.append(_node(nested(value), budget))
        elif number == 5:
            name, dtype, sizes = _tensor(nested(value), budget)
            found.stored[name], found.shapes[name], found.constants[name] = dtype, sizes, nested(value)
        elif number in (11, 12, 13):
            name, shape = _described(nested(value), budget)
            if shape is not None:
                found.shapes.setdefault(name, shape)


def _node(node: memoryview, budget: Budget) -> Node:
    kind = domain = ""
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: list[memoryview] = []
    for number, value in _fields(node, budget):
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 4:
            kind = text(value)
        elif number == 5:
            attributes.append(nested(value))
        elif number == 7:
            domain = text(value)
    operator = f"{domain}::{kind}" if domain not in ("", "ai.onnx") else kind
    return Node(operator=operator, inputs=tuple(inputs), outputs=tuple(outputs), attributes=tuple(attributes))


def _tensor(tensor: memoryview, budget: Budget) -> tuple[str, int, Shape]:
    name, dtype = "", 0
    sizes: list[int | None] = []
    for number, value in _fields(tensor, budget):
        if number == 1:
            sizes += integers(value)
        elif number == 2:
            dtype = integer(value)
        elif number == 8:
            name = text(value)
    return name, dtype, tuple(sizes)


def _described(info: memoryview, budget: Budget) -> tuple[str, Shape | None]:
    name, shape = "", None
    for number, value in _fields(info, budget):
        if number == 1:
            name = text(value)
        elif number == 2:
            for kind, content in _fields(nested(value), budget):
                shape = _shape(nested(content), budget) if kind == 1 else shape
    return name, shape


def _shape(tensor_type: memoryview, budget: Budget) -> Shape | None:
    for number, value in _fields(tensor_type, budget):
        if number == 2:
            sizes = [nested(size) for field_, size in _fields(nested(value), budget) if field_ == 1]
            return tuple(_size(size, budget) for size in sizes)
    return None


def _size(dimension: memoryview, budget: Budget) -> int | None:
    for number, value in _fields(dimension, budget):
        if number == 1:
            return integer(value)
    return None


def _fields(message: memoryview, budget: Budget) -> Iterator[tuple[int, protobuf.Value]]:
    for found in protobuf.fields(message):
        budget.spend(1)
        yield found

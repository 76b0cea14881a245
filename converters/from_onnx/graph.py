"""An ONNX graph as plain Python: nodes in order, attributes read, weights set apart.

Names of a subgraph (the body of a Loop, the branch of an If) are made unique in the whole model,
so that every weight and every value has one name and passes can work on names alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from .dtypes import torch_dtype

CORE_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator: what it is, the names it reads and writes ("" is an absent input)."""

    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str = ""
    domain: str = ""
    opset: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bodies: Mapping[str, Graph] = field(default_factory=dict[str, "Graph"])

    @property
    def kind(self) -> str:
        """The key of the operator's table: its type, with the domain where it is not ONNX's."""
        return self.op_type if self.domain in CORE_DOMAINS else f"{self.domain}.{self.op_type}"

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(self.attributes.get(name, default))

    def number(self, name: str, default: float) -> float:
        """A float attribute, as the float32 the file holds."""
        return float(self.attributes.get(name, np.float32(default)))

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def integers(self, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        """A list of integers, or the default where the attribute is absent."""
        value = self.attributes.get(name, default)
        return None if value is None else [int(item) for item in value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in an order that can be run; `captures` are names of the graphs around it."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    captures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A whole model: its graph and every weight, of the graph and of its subgraphs, by name."""

    graph: Graph
    weights: dict[str, Tensor]


def read_program(model: onnx.ModelProto) -> Program:
    """Read a model; its weights must be in memory. Raises UnsupportedOperators for strings."""
    opsets = {entry.domain: int(entry.version) for entry in model.opset_import}
    reader = _Reader(opsets=opsets)
    graph = reader.graph(model.graph, {}, prefix="")
    return Program(graph=graph, weights=reader.weights)


def tensor_of(proto: onnx.TensorProto) -> Tensor:
    """A stored tensor, copied, in the torch dtype of its element type."""
    dtype = torch_dtype(proto.data_type)
    array = numpy_helper.to_array(proto)
    if dtype == torch.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(dtype)
    return torch.from_numpy(np.array(array, order="C", copy=True))


def names_read(nodes: Sequence[Node]) -> set[str]:
    """Every name that some node reads, itself or inside its bodies."""
    names: set[str] = set()
    for node in nodes:
        names.update(name for name in node.inputs if name)
        for body in node.bodies.values():
            names.update(body.captures)
    return names


def captures_of(inputs: Sequence[str], outputs: Sequence[str], nodes: Sequence[Node]) -> set[str]:
    """The names that a graph takes from the graphs around it."""
    defined = set(inputs).union(*(node.outputs for node in nodes))
    return (names_read(nodes) | set(outputs)) - defined


class _Reader:
    """Walks the graphs of one model, gathering weights under unique names."""

    def __init__(self, *, opsets: Mapping[str, int]) -> None:
        self.opsets = opsets
        self.weights: dict[str, Tensor] = {}
        self.count = 0

    def graph(self, proto: onnx.GraphProto, outer: Mapping[str, str], *, prefix: str) -> Graph:
        names = dict(outer)
        for tensor in proto.initializer:
            names[tensor.name] = prefix + tensor.name
            self.weights[names[tensor.name]] = tensor_of(tensor)
        stored = {tensor.name for tensor in proto.initializer}
        inputs = [value.name for value in proto.input if value.name not in stored]
        names.update({name: prefix + name for name in inputs})
        nodes = [self.node(node, names, prefix) for node in proto.node]
        kept = tuple(node for node in nodes if node is not None)
        places = tuple(names[name] for name in inputs)
        outputs = tuple(names[value.name] for value in proto.output)
        captures = captures_of(places, outputs, kept)
        return Graph(inputs=places, outputs=outputs, nodes=kept, captures=tuple(sorted(captures)))

    def node(self, proto: onnx.NodeProto, names: dict[str, str], prefix: str) -> Node | None:
        inputs = tuple(names[name] if name else "" for name in proto.input)
        attributes: dict[str, Any] = {}
        bodies: dict[str, Graph] = {}
        for attribute in proto.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                self.count += 1
                inner = f"{prefix}body{self.count}/"
                bodies[attribute.name] = self.graph(attribute.g, names, prefix=inner)
            elif attribute.type == onnx.AttributeProto.TENSOR:
                attributes[attribute.name] = tensor_of(attribute.t)
            else:
                attributes[attribute.name] = onnx.helper.get_attribute_value(attribute)
        names.update({name: prefix + name for name in proto.output if name})
        outputs = tuple(names[name] if name else "" for name in proto.output)
        if proto.op_type == "Constant" and proto.domain in CORE_DOMAINS:
            self.weights[outputs[0]] = _constant(attributes)
            return None
        return Node(
            op_type=proto.op_type,
            inputs=inputs,
            outputs=outputs,
            name=proto.name or (outputs[0] if outputs else ""),
            domain=proto.domain,
            opset=self.opsets.get(proto.domain, self.opsets.get("", 0)),
            attributes=attributes,
            bodies=bodies,
        )


def _constant(attributes: Mapping[str, Any]) -> Tensor:
    (name, value), *_ = attributes.items()
    if name == "value":
        return value  # pyright: ignore[reportReturnType] # a TENSOR attribute was read as one
    dtype = torch.float32 if "float" in name else torch.int64
    return torch.tensor(value, dtype=dtype)

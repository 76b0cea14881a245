"""Reading another name instead: what every pass that removes a node ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..graph import Graph, Node, captures_of


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The node with every name it reads (also inside its bodies) replaced where `names` says so."""
    bodies = {key: renamed_graph(body, names) for key, body in node.bodies.items()}
    return replace(node, inputs=tuple(names.get(name, name) for name in node.inputs), bodies=bodies)


def renamed_graph(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with every name it reads replaced where `names` says so."""
    nodes = [renamed(node, names) for node in graph.nodes]
    outputs = tuple(names.get(name, name) for name in graph.outputs)
    return rebuilt(graph, nodes, outputs=outputs)


def rebuilt(
    graph: Graph,
    nodes: Sequence[Node],
    *,
    outputs: tuple[str, ...] | None = None,
    inputs: tuple[str, ...] | None = None,
) -> Graph:
    """A graph of other nodes, with its captures worked out again."""
    inputs = graph.inputs if inputs is None else inputs
    outputs = graph.outputs if outputs is None else outputs
    captures = tuple(sorted(captures_of(inputs, outputs, nodes)))
    return Graph(inputs=inputs, outputs=outputs, nodes=tuple(nodes), captures=captures)

"""Removes nodes that hand their input on: Identity, and Dropout outside of training."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Node
from .renaming import rebuilt, renamed


def remove_identities(graph: Graph) -> Graph:
    """The graph without nodes that do nothing, in its bodies too."""
    names: dict[str, str] = {}
    kept: list[Node] = []
    for original in graph.nodes:
        node = renamed(original, names)
        if _does_nothing(node):
            names[node.outputs[0]] = node.inputs[0]
            continue
        bodies = {key: remove_identities(body) for key, body in node.bodies.items()}
        kept.append(replace(node, bodies=bodies))
    return rebuilt(graph, kept, outputs=tuple(names.get(name, name) for name in graph.outputs))


def _does_nothing(node: Node) -> bool:
    if node.kind == "Dropout":
        return len([name for name in node.outputs if name]) == 1 and not any(node.inputs[2:])
    return node.kind == "Identity"

"""Removes nodes that nothing reads."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Node, names_read
from .renaming import rebuilt


def remove_dead_nodes(graph: Graph) -> Graph:
    """The graph with only the nodes its outputs need, in its bodies too."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for original in reversed(graph.nodes):
        if not needed.intersection(name for name in original.outputs if name):
            continue
        bodies = {key: remove_dead_nodes(body) for key, body in original.bodies.items()}
        node = replace(original, bodies=bodies)
        needed |= names_read([node])
        kept.append(node)
    return rebuilt(graph, list(reversed(kept)))

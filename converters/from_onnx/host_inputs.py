"""Which values a graph reads as data; all others are only numbers for the host, such as axes and sizes."""

from __future__ import annotations

from .graph import Graph

# The inputs after the first say how, not what.
_READ_ON_HOST = set("Expand Pad Reshape Resize Slice Split Squeeze Tile TopK Unsqueeze Upsample".split())


def read_as_data(graph: Graph) -> set[str]:
    """The names whose values become tensors somewhere in the graph or in the graphs inside it."""
    names = set(graph.outputs)
    for node in graph.nodes:
        host = node.kind in _READ_ON_HOST or node.kind.startswith("Reduce")
        names.update(node.inputs[:1] if host else node.inputs)
        for body in node.bodies.values():
            names |= read_as_data(body)
    return names

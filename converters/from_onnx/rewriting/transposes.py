"""Joins a Transpose that reads another Transpose; a pair that cancels disappears.

tf2onnx wraps convolutions in a pair of them, from NHWC to NCHW and back, and neighbours meet.
"""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Node
from .renaming import rebuilt, renamed


def join_transposes(graph: Graph) -> Graph:
    """The graph with no Transpose of a Transpose; dead nodes are left for `dead_code.py`."""
    orders: dict[str, tuple[str, list[int]]] = {}  # output -> the name it transposes, and how
    names: dict[str, str] = {}
    nodes: list[Node] = []
    for original in graph.nodes:
        node = renamed(original, names)
        node = replace(node, bodies={key: join_transposes(body) for key, body in node.bodies.items()})
        order = node.integers("perm") if node.kind == "Transpose" else None
        if order is None:
            nodes.append(node)
            continue
        source, before = orders.get(node.inputs[0], (node.inputs[0], list(range(len(order)))))
        joined = [before[axis] for axis in order]
        if joined == sorted(joined):
            names[node.outputs[0]] = source
            continue
        orders[node.outputs[0]] = (source, joined)
        nodes.append(replace(node, inputs=(source,), attributes={"perm": joined}))
    return rebuilt(graph, nodes, outputs=tuple(names.get(name, name) for name in graph.outputs))

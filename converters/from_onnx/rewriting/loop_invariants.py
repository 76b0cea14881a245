"""Takes what a Loop carries without changing it out of the loop.

tf2onnx carries the weights of a recurrent cell through the loop. Read from outside, they are
weights again, which can be folded and which the loop need not copy from step to step.
"""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Node
from .renaming import rebuilt, renamed, renamed_graph


def hoist_loop_invariants(graph: Graph) -> Graph:
    """The graph with every Loop carrying only what changes, in bodies too."""
    names: dict[str, str] = {}
    nodes: list[Node] = []
    for original in graph.nodes:
        node = renamed(original, names)
        bodies = {key: hoist_loop_invariants(body) for key, body in node.bodies.items()}
        node = replace(node, bodies=bodies)
        if node.kind == "Loop":
            node, same = _without_invariants(node)
            names.update(same)
        nodes.append(node)
    return rebuilt(graph, nodes, outputs=tuple(names.get(name, name) for name in graph.outputs))


def _without_invariants(node: Node) -> tuple[Node, dict[str, str]]:
    """The loop without its invariants, and what to read instead of their outputs."""
    body = node.bodies["body"]
    carried = range(len(node.inputs) - 2)
    still = [index for index in carried if body.outputs[1 + index] == body.inputs[2 + index]]
    if not still:
        return node, {}
    inside = {body.inputs[2 + index]: node.inputs[2 + index] for index in still}
    after = {node.outputs[index]: node.inputs[2 + index] for index in still if node.outputs[index]}
    moved = renamed_graph(body, inside)
    gone_inputs = {2 + index for index in still}
    gone_outputs = {1 + index for index in still}
    moved = rebuilt(
        moved,
        moved.nodes,
        inputs=tuple(name for place, name in enumerate(moved.inputs) if place not in gone_inputs),
        outputs=tuple(name for place, name in enumerate(moved.outputs) if place not in gone_outputs),
    )
    return replace(
        node,
        inputs=tuple(name for place, name in enumerate(node.inputs) if place not in gone_inputs),
        outputs=tuple(name for place, name in enumerate(node.outputs) if place not in set(still)),
        bodies={"body": moved},
    ), after

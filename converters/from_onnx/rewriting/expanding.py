"""Nodes that several torch calls do better than one: recurrent layers and dense layers.

The preparation of weights becomes nodes of its own, so that folding constants does it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ..graph import Graph, Node
from ..operators.cells import activation_names

_OURS = "edgeproof"


def expand(graph: Graph, weights: Mapping[str, Tensor]) -> Graph:
    """The graph with every plain LSTM, GRU, RNN and every MatMul by a weight written for torch."""
    nodes: list[Node] = []
    for original in graph.nodes:
        node = replace(original, bodies={key: expand(body, weights) for key, body in original.bodies.items()})
        if node.kind in {"LSTM", "GRU", "RNN"} and _torch_can(node):
            nodes += _whole_layer(node)
        elif node.kind in {"MatMul", "Gemm"} and _is_dense(node, weights):
            nodes += _dense(node, weights)
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _torch_can(node: Node) -> bool:
    """Whether torch's layer means the same: no peepholes, lengths, clipping, coupling, other activations."""
    given = [*node.inputs, *[""] * 8][:8]
    if given[4] or given[7] or "clip" in node.attributes or node.integer("input_forget", 0):
        return False
    names = activation_names(node)
    if node.op_type == "RNN":
        return len(set(names)) == 1 and names[0] in {"tanh", "relu"}
    if node.op_type == "GRU" and not node.integer("linear_before_reset", 0):
        return False
    expected = ["sigmoid", "tanh", "tanh"] if node.op_type == "LSTM" else ["sigmoid", "tanh"]
    return names == expected * (len(names) // len(expected))


def _whole_layer(node: Node) -> list[Node]:
    x, w, r, b, _, h, c, _ = [*node.inputs, *[""] * 8][:8]
    directions = 2 if node.text("direction", "forward") == "bidirectional" else 1
    count = directions * (4 if b else 2)
    prepared = tuple(f"{node.outputs[0] or node.name}/weight{index}" for index in range(count))
    attributes = {**node.attributes, "layer": node.op_type, "activation": activation_names(node)[0]}
    reorder = Node(
        op_type="TorchWeights",
        domain=_OURS,
        name=f"{node.name}/weights",
        inputs=(w, r, b) if b else (w, r),
        outputs=prepared,
        attributes=attributes,
    )
    layer = replace(node, op_type="WholeLayer", domain=_OURS, inputs=(x, h, c, *prepared), attributes=attributes)
    return [reorder, layer]


def _is_dense(node: Node, weights: Mapping[str, Tensor]) -> bool:
    """A product with a stored matrix that torch keeps the other way round: (out features, in features)."""
    weight = weights.get(node.inputs[1])
    if weight is None or weight.ndim != 2 or not weight.dtype.is_floating_point:
        return False
    if node.op_type == "MatMul":
        return True
    plain = node.number("alpha", 1.0) == 1.0 and node.number("beta", 1.0) == 1.0
    return plain and not node.integer("transA", 0) and not node.integer("transB", 0)


def _bias_fits(node: Node, weights: Mapping[str, Tensor], features: int) -> bool:
    bias = weights.get(node.inputs[2])
    return bias is not None and tuple(bias.shape) == (features,)


def _dense(node: Node, weights: Mapping[str, Tensor]) -> list[Node]:
    value, weight, *bias = [name for name in node.inputs if name]
    turned = f"{node.outputs[0]}/weight"
    transpose = Node(op_type="Transpose", inputs=(weight,), outputs=(turned,), attributes={"perm": [1, 0]})
    if not bias or _bias_fits(node, weights, int(weights[weight].shape[1])):
        return [transpose, replace(node, op_type="Linear", domain=_OURS, inputs=(value, turned, *bias))]
    product = f"{node.outputs[0]}/product"
    linear = replace(node, op_type="Linear", domain=_OURS, inputs=(value, turned), outputs=(product,))
    return [transpose, linear, replace(node, op_type="Add", inputs=(product, *bias))]

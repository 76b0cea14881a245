"""Recognises the exact GELU in the form TensorFlow writes it, 0.5 x * erfc(-x / sqrt 2), and keeps it whole.

tf2onnx 1.17 has no form of Erfc and leaves it as it is, or we write 1 - Erf; ExecuTorch has no kernel for Erfc, and
both torch and ExecuTorch compute a whole GELU in one go.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ..graph import Graph, Node
from .renaming import rebuilt

_OPSET_OF_GELU = 20


def keep_gelu(graph: Graph, weights: Mapping[str, Tensor]) -> Graph:
    """The graph with every such product as one Gelu, in its bodies too; dead nodes are left for `dead_code.py`."""
    nodes: list[Node] = []
    matcher = _Matcher(graph, weights)
    for node in graph.nodes:
        bodies = {key: keep_gelu(body, weights) for key, body in node.bodies.items()}
        source = matcher.source_of(node)
        if source is None:
            nodes.append(replace(node, bodies=bodies))
        else:
            nodes.append(replace(node, op_type="Gelu", inputs=(source,), opset=_OPSET_OF_GELU))
    return rebuilt(graph, nodes)


class _Matcher:
    def __init__(self, graph: Graph, weights: Mapping[str, Tensor]) -> None:
        self.weights = weights
        self.producers = {name: node for node in graph.nodes for name in node.outputs}
        self.reads = Counter(name for node in graph.nodes for name in node.inputs)

    def source_of(self, node: Node) -> str | None:
        """The x of the product that a node computes, or None."""
        if node.kind != "Mul":
            return None
        for half, other in (node.inputs, node.inputs[::-1]):
            tail = self._operand_of_erfc(other) if self.reads[other] == 1 else None
            if tail is None:
                continue
            source = self._scaled(tail, -math.sqrt(0.5))
            if source is not None and source == self._scaled(half, 0.5):
                return source
        return None

    def _operand_of_erfc(self, name: str) -> str | None:
        """The x of which `name` is erfc(x), or 1 - erf(x)."""
        node = self.producers.get(name)
        if node is not None and node.kind == "Erfc":
            return node.inputs[0]
        if node is None or node.kind != "Sub" or self._number(node.inputs[0]) != 1:
            return None
        error = self.producers.get(node.inputs[1])
        return error.inputs[0] if error is not None and error.kind == "Erf" else None

    def _number(self, name: str) -> float | None:
        """The value of a weight that is one number."""
        weight = self.weights.get(name)
        return None if weight is None or weight.numel() != 1 else float(weight.reshape(()).item())

    def _scaled(self, name: str, factor: float) -> str | None:
        """The x of which `name` is factor * x."""
        node = self.producers.get(name)
        if node is None or node.kind != "Mul":
            return None
        for one, other in (node.inputs, node.inputs[::-1]):
            number = self._number(other)
            if number is None:
                continue
            if math.isclose(number, factor, rel_tol=1e-6):
                return one
            turned = self.producers.get(one)
            if turned is not None and turned.kind == "Neg" and math.isclose(number, -factor, rel_tol=1e-6):
                return turned.inputs[0]
        return None

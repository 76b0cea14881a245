"""Tells of an ONNX model which of its convolutions and matrix products are computed in integers.

In a file they stand between DequantizeLinear and QuantizeLinear, or are written on integers outright; a graph that ONNX
Runtime has optimised has its own operators for both, so that the same reader proves what a session really runs.
"""

from __future__ import annotations

from ..quantization.execution import Execution, HeavyOperator, Kernel
from .onnx_nodes import Node, Nodes, read_nodes

# Operators on integers, with the places of their input and weights.
_ON_INTEGERS = {
    "ConvInteger": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearConv": (0, 3),
    "QLinearMatMul": (0, 3),
    "com.microsoft::QLinearConv": (0, 3),
    "com.microsoft::QGemm": (0, 3),
    "com.microsoft::MatMulIntegerToFloat": (0, 1),
    "com.microsoft::DynamicQuantizeMatMul": (0, 1),
    "com.microsoft::DynamicQuantizeLSTM": (0, 1),
}
_ON_FLOATS = frozenset(
    "Conv ConvTranspose Gemm MatMul LSTM GRU RNN com.microsoft::FusedConv com.microsoft::FusedGemm"
    " com.microsoft::FusedMatMul com.microsoft::MatMulNBits com.microsoft.nchwc::Conv".split()
)
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "com.microsoft::DynamicQuantizeLSTM"})
_SPREADING = frozenset({"ConvTranspose"})
_FUSED = frozenset({"Conv", "Gemm", "MatMul"})
_INTEGERS = frozenset({2, 3})  # uint8, int8
_CARRIES = frozenset({"Cast", "Mul", "DequantizeLinear", "Transpose", "Gather", "Unsqueeze", "Concat", "Identity"})
_REASONS = {
    "ConvTranspose": "ONNX Runtime has no kernel for transposed convolutions of integers",
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "ONNX Runtime computes recurrent layers in float, here from int8 weights"),
}


def read_onnx_execution(data: memoryview) -> Execution:
    """The convolutions and products with stored weights of a serialised model, in its order; raises Malformed."""
    graph = read_nodes(data)
    reading = _Reading(graph)
    return Execution(operators=tuple(found for node in graph.nodes if (found := reading.heavy(node)) is not None))


class _Reading:
    def __init__(self, graph: Nodes) -> None:
        self._graph = graph
        self._makers = graph.makers
        self._readers = graph.readers

    def heavy(self, node: Node) -> HeavyOperator | None:
        """What a node is if it multiplies with stored weights, None for every other."""
        if node.operator not in _ON_INTEGERS and node.operator not in _ON_FLOATS:
            return None
        weights = self._stored(node.input(_ON_INTEGERS.get(node.operator, (0, 1))[1]))
        if weights is None:
            return None
        integer = node.operator in _ON_INTEGERS or self._is_between_integers(node)
        return HeavyOperator(
            name=weights,
            operator=node.operator.rpartition("::")[2].lower(),
            macs=self._macs(node, weights),
            kernel=Kernel.INTEGER if integer else Kernel.FLOAT,
            reason="" if integer else _REASONS.get(node.operator, ""),
        )

    def _stored(self, name: str) -> str | None:
        """The constant that a tensor is made of."""
        for _ in range(8):
            if name in self._graph.stored:
                return name
            maker = self._makers.get(name)
            if maker is None or maker.operator not in _CARRIES:
                return None
            name = maker.input(0)
        return None

    def _is_between_integers(self, node: Node) -> bool:
        """Whether input and weights are dequantised, and the result is rounded at once."""
        dequantised = [self._makers.get(node.input(place)) for place in (0, 1)]
        if node.operator not in _FUSED or any(
            maker is None or maker.operator != "DequantizeLinear" for maker in dequantised
        ):
            return False
        weights = self._graph.stored.get(dequantised[1].input(0) if dequantised[1] else "")
        readers = self._readers.get(node.outputs[0], [])
        return weights in _INTEGERS and bool(readers) and all(user.operator == "QuantizeLinear" for user in readers)

    def _macs(self, node: Node, weights: str) -> int:
        shape = self._graph.shapes.get(weights, ())
        if node.operator in _RECURRENT:
            return self._recurrent_macs(node)
        if node.operator in _SPREADING:
            return _elements(self._graph.shapes.get(node.input(0), ())) * _elements(shape[1:])
        result = self._graph.shapes.get(node.outputs[0], ())
        is_convolution = "Conv" in node.operator
        each = _elements(shape[1:]) if is_convolution else _elements(shape) // max(1, result[-1] or 1) if result else 0
        return _elements(result) * each

    def _recurrent_macs(self, node: Node) -> int:
        sequence = self._graph.shapes.get(node.input(0), ())
        parts = [self._graph.shapes.get(node.input(place), ()) for place in (1, 2)]
        return _elements(sequence[:2]) * sum(_elements(part) for part in parts)


def _elements(shape: tuple[int | None, ...]) -> int:
    """How many numbers; a size that the file leaves open counts as one."""
    count = 1
    for size in shape:
        count *= size or 1
    return count

"""Tells which convolutions and matrix products of an ExecuTorch program XNNPACK computes in integers.

Field numbers as in xnnpack.py. A node runs in integers when its input and its weights are integers: static ones (qint8)
or such as are rounded while the model runs (qdint8).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..quantization.execution import HeavyOperator, Kernel
from .flatbuffer import Table
from .xnnpack import DTYPES, NODES, Graph, graph_of, tensor_of

_FULLY_CONNECTED = 1, 0, 3
_CONVOLUTION = 16, 15, 18
# Where a node says which values its filter, its input and its output are.
_FIELDS = {
    "FullyConnected": _FULLY_CONNECTED,
    "Conv2d": _CONVOLUTION,
    "DepthwiseConv2d": _CONVOLUTION,
    "ConvTranspose2d": _CONVOLUTION,
}
_FULL_CONVOLUTIONS = frozenset({"Conv2d", "DepthwiseConv2d", "FullyConnected"})
_GROUPS = 12
_INTEGERS = frozenset({"qint8", "quint8", "qcint8", "qdint8", "qcint4", "qbint4", "qpint8"})


class _Value:
    DATATYPE, RANK, DIMS, CONSTANT, EXTERNAL, FLAGS, ID, DYNAMIC_DATATYPE = range(8)


def heavy_operators(payload: memoryview) -> Iterator[HeavyOperator]:
    """The convolutions and fully connected layers of one XNNPACK graph, in its order; raises Malformed."""
    graph = graph_of(payload)
    tensors = {tensor.scalar(_Value.ID, "I"): tensor for tensor in map(tensor_of, graph.tables(Graph.VALUES))}
    for number, node in enumerate(graph.tables(Graph.NODES)):
        kind = node.scalar(0, "B")
        name = NODES[kind - 1] if 1 <= kind <= len(NODES) else ""
        fields, table = _FIELDS.get(name), node.table(1)
        if fields is None or table is None:
            continue
        filter_, given, result = (tensors.get(table.scalar(field, "I")) for field in fields)
        integer = _dtype(filter_) in _INTEGERS and _dtype(given) in _INTEGERS
        yield HeavyOperator(
            name=f"{name}_{number}",
            operator=name.lower(),
            macs=_macs(name, _dims(filter_), _dims(given), _dims(result)),
            kernel=Kernel.INTEGER if integer else Kernel.FLOAT,
            reason="" if integer else f"input {_dtype(given)}, weights {_dtype(filter_)}",
        )


def _macs(name: str, weights: tuple[int, ...], given: tuple[int, ...], result: tuple[int, ...]) -> int:
    """Filters are stored as (outputs, height, width, inputs), of depthwise layers as (1, height, width, outputs)."""
    if name == "DepthwiseConv2d":
        return _product(result) * _product(weights[:-1])
    if name in _FULL_CONVOLUTIONS:
        return _product(result) * _product(weights[1:])
    return _product(given) * _product(weights[:-1])


def _dtype(tensor: Table | None) -> str:
    number = (
        -1 if tensor is None else tensor.scalar(_Value.DYNAMIC_DATATYPE, "h") or tensor.scalar(_Value.DATATYPE, "h")
    )
    return DTYPES[number] if 0 <= number < len(DTYPES) else "unknown"


def _dims(tensor: Table | None) -> tuple[int, ...]:
    return () if tensor is None else tensor.numbers(_Value.DIMS, "I") or ()


def _product(sizes: tuple[int, ...]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count

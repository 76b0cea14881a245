"""Reads the payload that ExecuTorch hands to XNNPACK: which nodes it holds, and its constants.

Field numbers and the order of the node kinds are those of executorch/backends/xnnpack/serialization/runtime_schema.fbs
in 1.5. The payload starts with a header: 4 zero bytes, "XH00", header length (u16), offset and size of the FlatBuffer
(u32, u32), offset (u32) and size (u64) of the constants that follow it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..checkpoints.malformed import Budget, Malformed, pick
from .flatbuffer import Table, root_table
from .weights import WeightTally, ranked

_HEADER = struct.Struct("<4s4sHIIIQ")
_GRAPH_IDENTIFIER = b"XN0"
NODES = (
    "Add FullyConnected Softmax Sigmoid StaticTranspose Clamp Conv2d Div StaticResizeBilinear2D StaticConstantPad"
    " AvgPooling2d Minimum DepthwiseConv2d MaxPooling2d Multiply Subtract Floor Convert GlobalAvgPooling2d"
    " StaticReshape ArgMaxPooling2d SquareRoot Ceiling Hardswish LeakyReLU Maximum Negate Square ELU Abs PReLU"
    " Concatenate2 Concatenate3 Concatenate4 StaticSlice ScaledDotProductAttention BatchMatrixMultiply Concatenate5"
    " ConvTranspose2d ReciprocalSquareRoot Log Gelu Tanh Exp Sin Copy Cos"
).split()
DTYPES = (
    "invalid float32 float16 qint8 quint8 qint32 qcint8 qcint32 qcint4 qdint8 qbint4 qpint8 int32 pfp32 bfloat16"
).split()
_QUANTIZED_VALUE = 2


class Graph:
    """The fields of a graph."""

    VERSION, NODES, VALUES, EXTERNS, INPUTS, OUTPUTS, OLD_CONSTANTS, MEMORY, CONSTANTS = range(9)


class _Value:
    DATATYPE, RANK, DIMS, CONSTANT = range(4)


class _Constant:
    OFFSET, SIZE, KEY = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class XnnpackGraph:
    """The nodes of one payload by kind, and the version of its schema."""

    nodes: dict[str, int]
    version: str


def read_xnnpack(payload: memoryview, *, named_sizes: Mapping[str, int], weights: WeightTally) -> XnnpackGraph:
    """Read a payload and count its constants; those kept outside are looked up in `named_sizes`; raises Malformed."""
    graph = graph_of(payload)
    nodes = Counter(_node(node) for node in graph.tables(Graph.NODES))
    constants = list(graph.tables(Graph.CONSTANTS))
    inline = [len(buffer.bytes(0) or b"") for buffer in graph.tables(Graph.OLD_CONSTANTS)]
    this = object()  # Constants inside the payload are numbered anew in every payload.
    for value in graph.tables(Graph.VALUES):
        tensor = tensor_of(value)
        index = tensor.scalar(_Value.CONSTANT, "I")
        if not index:
            continue
        key, size = (
            _stored(pick(constants, index, "constant"), named_sizes)
            if constants
            else (None, pick(inline, index, "constant"))
        )
        number = tensor.scalar(_Value.DATATYPE, "h")
        dtype = DTYPES[number] if 0 <= number < len(DTYPES) else f"type {number}"
        weights.add(key or (this, index), dtype, tensor.numbers(_Value.DIMS, "I") or (), size)
    return XnnpackGraph(nodes=ranked(nodes), version=graph.string(Graph.VERSION) or "0")


def graph_of(payload: memoryview) -> Table:
    """The graph of a payload; raises Malformed."""
    return root_table(_flatbuffer(payload), Budget(len(payload)))


def _flatbuffer(payload: memoryview) -> memoryview:
    if len(payload) >= _HEADER.size:
        _, magic, _, offset, size, _, _ = _HEADER.unpack_from(payload)
        if magic == b"XH00":
            if offset + size > len(payload):
                raise Malformed(f"an XNNPACK graph ends at byte {offset + size} of {len(payload)}")
            payload = payload[offset : offset + size]
    if payload[4:7].tobytes() != _GRAPH_IDENTIFIER:
        raise Malformed("an XNNPACK payload holds no XNNPACK graph")
    return payload


def _node(node: Table) -> str:
    kind = node.scalar(0, "B")
    return NODES[kind - 1] if 1 <= kind <= len(NODES) else f"node {kind}"


def tensor_of(value: Table) -> Table:
    """What a value says of its tensor, whether it is quantised or not; raises Malformed."""
    table = value.table(1)
    if table is not None and value.scalar(0, "B") == _QUANTIZED_VALUE:
        table = table.table(0)
    if table is None:
        raise Malformed("an XNNPACK value holds nothing")
    return table


def _stored(constant: Table, named_sizes: Mapping[str, int]) -> tuple[str | None, int]:
    key = constant.string(_Constant.KEY)
    if not key:
        return None, constant.scalar(_Constant.SIZE, "Q")
    if key not in named_sizes:
        raise Malformed(f"the constant {key!r} is named, and not stored")
    return key, named_sizes[key]

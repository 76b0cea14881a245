"""Puts a LiteRT file's inputs and outputs in the source's order, in place.

The converters order them as their graphs happen to, while most apps go by position.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .checkpoints.malformed import Budget
from .errors import ConversionError
from .inspection.flatbuffer import Table, root_table
from .signature import Signature, TensorSpec

# Field numbers of schema version 3 (tensorflow/compiler/mlir/lite/schema/schema.fbs).
_SUBGRAPHS, _SIGNATURE_DEFS = 2, 7
_GRAPH_INPUTS, _GRAPH_OUTPUTS = 1, 2
_ENTRY_INPUTS, _ENTRY_OUTPUTS, _ENTRY_SUBGRAPH = 0, 1, 4
_MAP_NAME, _MAP_TENSOR = 0, 1


def order_interface(payload: bytes, signature: Signature) -> bytes:
    """The file with inputs and outputs in the order of `signature`, by the names of its one signature.

    Covers the positions in the subgraph and in the file's signature. Raises ConversionError if names differ.
    """
    data = bytearray(payload)
    model = root_table(memoryview(payload), Budget(len(payload)))
    entries = list(model.tables(_SIGNATURE_DEFS))
    if len(entries) != 1:
        raise ConversionError(f"the LiteRT file has {len(entries)} signatures, not one", fix="report this as a bug")
    graph = list(model.tables(_SUBGRAPHS))[entries[0].scalar(_ENTRY_SUBGRAPH, "I")]
    for specs, entry_field, graph_field in (
        (signature.inputs, _ENTRY_INPUTS, _GRAPH_INPUTS),
        (signature.outputs, _ENTRY_OUTPUTS, _GRAPH_OUTPUTS),
    ):
        order = _order(entries[0], entry_field, specs)
        _rearrange_entries(data, entries[0].vector(entry_field, "I"), order)
        _place_tensors(data, graph, graph_field, [_tensors(entries[0], entry_field)[index] for index in order])
    return bytes(data)


def _tensors(entry: Table, field: int) -> list[int]:
    return [tensor.scalar(_MAP_TENSOR, "I") for tensor in entry.tables(field)]


def _order(entry: Table, field: int, specs: Sequence[TensorSpec]) -> list[int]:
    """For each wanted name its place in the file."""
    found = [tensor.string(_MAP_NAME) for tensor in entry.tables(field)]
    wanted = [spec.name for spec in specs]
    if sorted(map(str, found)) != sorted(wanted):
        raise ConversionError(f"the LiteRT file has the tensors {found}, expected {wanted}", fix="report this as a bug")
    return [found.index(name) for name in wanted]


def _rearrange_entries(data: bytearray, vector: tuple[int, int], order: Sequence[int]) -> None:
    """Rearrange a vector of tables, whose elements are distances from their own place."""
    start, length = vector
    places = [start + 4 * index for index in range(length)]
    targets = [place + struct.unpack_from("<I", data, place)[0] for place in places]
    for place, index in zip(places, order, strict=True):
        struct.pack_into("<I", data, place, targets[index] - place)


def _place_tensors(data: bytearray, graph: Table, field: int, tensors: Sequence[int]) -> None:
    """Write the tensor numbers over the subgraph's, which are the same ones in another order."""
    start, length = graph.vector(field, "i")
    found = list(struct.unpack_from(f"<{length}i", data, start))
    if sorted(found) != sorted(tensors):
        raise ConversionError(
            f"the LiteRT file's positions {found} are not its signature's tensors {list(tensors)}",
            fix="report this as a bug",
        )
    struct.pack_into(f"<{length}i", data, start, *tensors)

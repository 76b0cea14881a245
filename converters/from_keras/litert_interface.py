"""Puts a LiteRT file's inputs and outputs in the source's order, in place.

TensorFlow's converter orders them as its graph happens to, while most apps go by position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..errors import ConversionError
from ..signature import Signature

# FlatBuffers: a table begins with the distance back to its vtable, whose slots (2 bytes each, after two
# sizes) hold the field's distance from the table's start. https://flatbuffers.dev/internals/
_OFFSET = np.dtype("<u4")


def order_interface(payload: bytes, signature: Signature) -> bytes:
    """The file with inputs and outputs in the order of `signature`, by the names of its first signature.

    Covers the positions of the subgraph and of the signature. Raises ConversionError if names differ.
    """
    data = bytearray(payload)
    model = schema.Model.GetRootAs(data, 0)
    if model.SignatureDefsLength() != 1:
        raise ConversionError(
            f"the LiteRT file has {model.SignatureDefsLength()} signatures, expected one", fix="report this as a bug"
        )
    entry: Any = model.SignatureDefs(0)
    graph: Any = model.Subgraphs(entry.SubgraphIndex())
    inputs, outputs = _names(signature.inputs), _names(signature.outputs)
    _order(data, entry, _maps(entry.InputsLength(), entry.Inputs), inputs, slot=4)
    _order(data, entry, _maps(entry.OutputsLength(), entry.Outputs), outputs, slot=6)
    _place(graph.InputsAsNumpy(), _maps(entry.InputsLength(), entry.Inputs))
    _place(graph.OutputsAsNumpy(), _maps(entry.OutputsLength(), entry.Outputs))
    return bytes(data)


def _names(specs: Sequence[Any]) -> list[str]:
    return [spec.name for spec in specs]


def _maps(count: int, get: Callable[[int], Any]) -> list[tuple[str, int]]:
    """Name and tensor index of every entry, in the file's order."""
    return [(get(index).Name().decode(), get(index).TensorIndex()) for index in range(count)]


def _order(data: bytearray, table: Any, found: list[tuple[str, int]], wanted: list[str], *, slot: int) -> None:
    """Rearrange a vector of tables: its elements are distances from their own place."""
    names = [name for name, _ in found]
    if sorted(names) != sorted(wanted):
        raise ConversionError(f"the LiteRT file has the tensors {names}, expected {wanted}", fix="report this as a bug")
    start = table._tab.Vector(table._tab.Offset(slot))
    vector = np.frombuffer(data, _OFFSET, len(found), start)
    places = start + _OFFSET.itemsize * np.arange(len(found), dtype=np.int64)
    targets = vector.astype(np.int64) + places
    vector[:] = (targets[[names.index(name) for name in wanted]] - places).astype(_OFFSET)


def _place(positions: np.ndarray, entries: list[tuple[str, int]]) -> None:
    """Write the tensor indices over the subgraph's positions, which hold the same ones in another order."""
    indices = [index for _, index in entries]
    if sorted(indices) != sorted(positions.tolist()):
        raise ConversionError(
            f"the LiteRT file's positions {positions.tolist()} are not its signature's tensors {indices}",
            fix="report this as a bug",
        )
    positions[:] = indices

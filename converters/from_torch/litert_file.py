"""Reads LiteRT files into objects that can be changed, and writes them back, always to the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16


def read_model(payload: bytes) -> Any:
    """The model of a file."""
    return schema.ModelT.InitFromPackedBuf(payload, 0)


def write_model(model: Any) -> bytes:
    """The file of a model; what no tensor uses any more is left out."""
    _drop_unused_buffers(model)
    for graph in model.subgraphs:
        # Lists are written apart from everything else, so that they can be rearranged in place.
        graph.inputs, graph.outputs = list(graph.inputs), list(graph.outputs)
    builder = _Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _drop_unused_buffers(model: Any) -> None:
    """Keep the buffers that something refers to; the first is by the format's rule the empty one."""
    users = [*(tensor for graph in model.subgraphs for tensor in graph.tensors), *(model.metadata or [])]
    kept = sorted({0, *(user.buffer for user in users)})
    places = {buffer: place for place, buffer in enumerate(kept)}
    for user in users:
        user.buffer = places[user.buffer]
    model.buffers = [model.buffers[buffer] for buffer in kept]


class _Builder(schema.flatbuffers.Builder):  # type: ignore[misc] # flatbuffers has no types
    """Writes equal names and vectors once: half of a small file is sizes, names, and zero points of 0.

    Constants are written where runtimes may read them as numbers: flatbuffers' Python code forgets force_align.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802
        """A vector of numbers; what is stored as bytes is aligned for every dtype."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            if x.dtype == np.uint8:
                self.Prep(_ALIGNMENT, x.size)
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]

    def CreateString(self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        """A name."""
        key = ("name", s if isinstance(s, bytes) else s.encode(encoding, errors))
        if key not in self._written:
            self._written[key] = super().CreateString(s, encoding, errors)
        return self._written[key]

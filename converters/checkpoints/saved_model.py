"""Reads a SavedModel's graphs without TensorFlow: signatures, operators, tags and the version that wrote it.

Field numbers are those of tensorflow/core/protobuf/{saved_model,meta_graph}.proto and framework/{graph,function}.proto.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import protobuf
from .folders import SAVED_MODEL_FILE
from .malformed import Budget, Malformed
from .opening import damage_named, mapped
from .protobuf import integer, nested, text

WHAT = "TensorFlow SavedModel"
DTYPES = dict(
    enumerate(
        "float32 float64 int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 bfloat16 qint16 quint16"
        " uint16 complex128 float16 resource variant uint32 uint64 float8_e5m2 float8_e4m3fn".split(),
        start=1,
    )
)


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """An input or output of a signature: None in `shape` is a size that is not fixed, `shape` None an unknown rank."""

    key: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class GraphFunction:
    """A signature by its key."""

    key: str
    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]


@dataclass(slots=True)
class SavedModelGraph:
    """One of the graphs in a SavedModel; `operators` counts those of its functions as well."""

    tags: list[str] = field(default_factory=list[str])
    version: str | None = None
    signatures: list[GraphFunction] = field(default_factory=list[GraphFunction])
    operators: Counter[str] = field(default_factory=Counter[str])
    assets: list[str] = field(default_factory=list[str])


def read_saved_model(folder: Path) -> list[SavedModelGraph]:
    """The graphs of a SavedModel; `folder` may also be its saved_model.pb. Raises SourceError."""
    path = folder / SAVED_MODEL_FILE if folder.is_dir() else folder
    data = mapped(path)
    with damage_named(path, WHAT):
        reader = _Reader(Budget(len(data)))
        graphs = [reader.graph(nested(value)) for number, value in reader.fields(data) if number == 2]
        if not graphs:
            raise Malformed("it holds no graph")
        return graphs


class _Reader:
    """Walks the messages of one file within a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def fields(self, message: memoryview) -> list[tuple[int, protobuf.Value]]:
        """A message's fields."""
        found: list[tuple[int, protobuf.Value]] = []
        for field_found in protobuf.fields(message):
            self._budget.spend(1)
            found.append(field_found)
        return found

    def graph(self, message: memoryview) -> SavedModelGraph:
        found = SavedModelGraph()
        for number, value in self.fields(message):
            if number == 1:
                self._about(nested(value), found)
            elif number == 2:
                self._nodes(nested(value), found)
            elif number == 5:
                key, signature = self._entry(nested(value))
                found.signatures.append(self._signature(key, signature))
            elif number == 6:
                found.assets += [text(part) for inner, part in self.fields(nested(value)) if inner == 2]
        found.signatures.sort(key=lambda signature: signature.key)
        return found

    def _about(self, message: memoryview, found: SavedModelGraph) -> None:
        for number, value in self.fields(message):
            if number == 4:
                found.tags.append(text(value))
            elif number == 5:
                found.version = text(value)

    def _nodes(self, graph: memoryview, found: SavedModelGraph) -> None:
        for number, value in self.fields(graph):
            if number == 1:
                found.operators[self._operator(nested(value))] += 1
            elif number == 2:
                for inner, function in self.fields(nested(value)):
                    if inner == 1:
                        self._function(nested(function), found)

    def _function(self, function: memoryview, found: SavedModelGraph) -> None:
        for number, value in self.fields(function):
            if number == 3:
                found.operators[self._operator(nested(value))] += 1

    def _operator(self, node: memoryview) -> str:
        return next((text(value) for number, value in self.fields(node) if number == 2), "")

    def _entry(self, message: memoryview) -> tuple[str, memoryview]:
        """A map's entry: its key, and its value as a message."""
        key, content = "", memoryview(b"")
        for number, value in self.fields(message):
            if number == 1:
                key = text(value)
            elif number == 2:
                content = nested(value)
        return key, content

    def _signature(self, key: str, message: memoryview) -> GraphFunction:
        ends: dict[int, list[GraphTensor]] = {1: [], 2: []}
        for number, value in self.fields(message):
            if number in ends:
                name, info = self._entry(nested(value))
                ends[number].append(self._tensor(name, info))
        inputs, outputs = (tuple(sorted(ends[number], key=lambda tensor: tensor.key)) for number in (1, 2))
        return GraphFunction(key, inputs, outputs)

    def _tensor(self, key: str, info: memoryview) -> GraphTensor:
        dtype, shape = "?", None
        for number, value in self.fields(info):
            if number == 2:
                dtype = DTYPES.get(integer(value), f"type {integer(value)}")
            elif number == 3:
                shape = self.shape(nested(value))
        return GraphTensor(key, dtype, shape)

    def shape(self, message: memoryview) -> tuple[int | None, ...] | None:
        """A TensorShapeProto."""
        sizes: list[int | None] = []
        for number, value in self.fields(message):
            if number == 3 and integer(value):
                return None
            if number == 2:
                size = next((integer(part) for inner, part in self.fields(nested(value)) if inner == 1), 0)
                sizes.append(size if size >= 0 else None)
        return tuple(sizes)

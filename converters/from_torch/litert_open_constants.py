"""Lets the constants of a LiteRT graph follow the open sizes, each in the simplest way that its users allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..errors import ConversionError
from .litert_differences import FIX, data_of, name_of, place_of
from .litert_sizes import Formula, GraphWriter, KnownSizes, store

# Longer than the rank of any tensor.
_LONGEST_VECTOR = 8
_INTEGERS: dict[int, Any] = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}
_REST = -1

# A size: a number, a formula, _REST, or None if nothing gives it.
Entry = int | Formula | None


class OpenConstants:
    """The constants of one subgraph that differ between the compared files.

    Two files tell what follows an open size, but not always how: `guesses` says that a third would make it sure.
    `grows` says that a constant is the beginning of a longer one, which the last file must hold in full.
    """

    def __init__(self, models: Sequence[Any], graphs: Sequence[Any], writer: GraphWriter) -> None:
        self.guesses = False
        self.grows = False
        self._model, self._graph = models[0], graphs[0]
        self._graphs = graphs
        self._writer = writer
        self._waiting = dict(_changing(models, graphs))

    def open(self, operator: Any, known: KnownSizes) -> None:
        """Let what an operator takes follow the sizes known by now; raises ConversionError."""
        if operator.inputs is not None:
            self._drop_unchosen(operator)
            self._open_waiting(operator.inputs, known)

    def open_outputs(self, known: KnownSizes) -> None:
        """The same for outputs of the graph that no operator makes; what nobody takes is emptied."""
        self._open_waiting(self._graph.outputs, known)
        for index in self._waiting:
            self._graph.tensors[index].buffer = 0

    def _open_waiting(self, tensors: Sequence[int], known: KnownSizes) -> None:
        for index in tensors:
            values = self._waiting.pop(index, None)
            if values is not None:
                self._open(index, values, known)

    def _drop_unchosen(self, operator: Any) -> None:
        """Take one side only of a SELECT_V2 that never chooses the other, such as an index counted from the end."""
        if name_of(self._model, operator) != "SELECT_V2" or operator.inputs[0] not in self._waiting:
            return
        condition = self._waiting[operator.inputs[0]]
        if not any(map(np.any, condition)):
            operator.inputs = operator.inputs[[0, 2, 2]]
        elif all(map(np.all, condition)):
            operator.inputs = operator.inputs[[0, 1, 1]]

    def _open(self, index: int, values: list[np.ndarray], known: KnownSizes) -> None:
        if len({value.shape for value in values}) > 1:
            self._open_shape(index, values, known)
        elif self._graph.tensors[index].type in _INTEGERS and values[0].ndim <= 1 and values[0].size <= _LONGEST_VECTOR:
            self._open_vector(index, values, known)
        else:
            self._open_number(index, values, known)

    def _open_number(self, index: int, values: list[np.ndarray], known: KnownSizes) -> None:
        """A number that a sum over an open axis is divided by, and the like."""
        tensor, scaled = self._graph.tensors[index], None
        if tensor.type == schema.TensorType.FLOAT32 and values[0].size == 1 and values[0].ndim <= 1:
            scaled = known.scaled(np.array([value.view(np.float32).item() for value in values], np.float64))
        if scaled is None:
            raise self._refused(index, "takes a constant that depends on them")
        self.guesses = True
        tensor.buffer = 0
        self._writer.number_into(index, scaled)

    def _open_vector(self, index: int, values: list[np.ndarray], known: KnownSizes) -> None:
        """A vector of sizes: stored with a -1 where that is enough, else computed."""
        vectors = [value.reshape(-1).tolist() for value in values]
        entries = known.entries(vectors)
        self._leave_out(index, vectors, entries)
        sizes = self._certain(index, entries)
        tensor = self._graph.tensors[index]
        dtype = _INTEGERS[tensor.type]
        if all(isinstance(size, int) for size in sizes):
            store(self._model, tensor, np.array(sizes, dtype).reshape(values[0].shape))
        else:
            tensor.buffer = 0
            self._writer.sizes_into(index, sizes, dtype)
        self._forget_copies(index, sizes)

    def _leave_out(self, index: int, vectors: Sequence[Sequence[int]], entries: list[Entry]) -> None:
        """Put -1, "what is left", into entries where all operators that take them understand it."""
        users = list(self._users(index))
        uses = {(name_of(self._model, operator), place) for operator, place in users}
        changing = [place for place, entry in enumerate(entries) if not isinstance(entry, int)]
        if uses == {("RESHAPE", 1)} and _REST not in entries:
            # The one that is hardest to compute, and the last of these.
            entries[max(changing, key=lambda place: (_difficulty(entries[place]), place))] = _REST
        elif uses == {("SLICE", 2)}:
            for axis in changing:
                sizes = [vector[axis] for vector in vectors]
                if all(self._to_the_end(operator, axis, sizes) for operator, _ in users):
                    entries[axis] = _REST

    def _to_the_end(self, operator: Any, axis: int, sizes: list[int]) -> bool:
        """Whether a SLICE takes everything from a fixed place on, along an axis, in all files."""
        given, start = int(operator.inputs[0]), int(operator.inputs[1])
        data = data_of(self._model, self._graph.tensors[start])
        if data is None or start in self._waiting:
            return False
        first = int(data.view(_INTEGERS[self._graph.tensors[start].type])[axis])
        return all(
            first + size == graph.tensors[given].shape[axis] for graph, size in zip(self._graphs, sizes, strict=True)
        )

    def _certain(self, index: int, entries: list[Entry]) -> list[int | Formula]:
        """The entries, none of them missing; remembers whether one is a guess."""
        found = [entry for entry in entries if entry is not None]
        if len(found) < len(entries):
            raise self._refused(index, "needs a size that does not follow from them in a known way")
        self.guesses |= any(isinstance(entry, Formula) and not entry.plain for entry in found)
        return found

    def _forget_copies(self, index: int, sizes: Sequence[int | Formula]) -> None:
        """RESHAPE has its sizes among its options too, which runtimes read only if there is no tensor."""
        stored = [size for size in sizes if isinstance(size, int)]
        for operator, _ in self._users(index):
            if name_of(self._model, operator) == "RESHAPE" and operator.builtinOptions is not None:
                operator.builtinOptions.newShape = stored if len(stored) == len(sizes) else None

    def _open_shape(self, index: int, values: list[np.ndarray], known: KnownSizes) -> None:
        """A constant whose shape follows the sizes: repeated along these axes, or the beginning of a longer one."""
        tensor = self._graph.tensors[index]
        entries = self._certain(index, known.entries([value.shape for value in values]))
        first = tuple(slice(None) if isinstance(entry, int) else slice(1) for entry in entries)
        repeated = values[0][first]
        if all(np.array_equal(value, np.broadcast_to(repeated, value.shape)) for value in values):
            tensor.buffer = 0
            self._writer.broadcast_into(index, repeated, entries)
        elif all(_overlap(value, values[-1]) for value in values):
            self.grows = True
            tensor.buffer = 0
            self._writer.head_into(index, values[-1], entries)
        else:
            raise self._refused(index, "takes a constant that depends on them")

    def _users(self, index: int) -> Iterator[tuple[Any, int]]:
        """The operators that take a tensor, and as which of their inputs."""
        for operator in self._graph.operators:
            for place, given in enumerate(operator.inputs if operator.inputs is not None else ()):
                if given == index:
                    yield operator, place

    def _refused(self, index: int, what: str) -> ConversionError:
        user = next(self._users(index), None)
        name = "an output" if user is None else name_of(self._model, user[0]) + place_of(self._graph, user[0])
        return ConversionError(f"LiteRT cannot keep these sizes open: {name} {what}", fix=FIX)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same from their first element on, as far as both go."""
    both = tuple(map(slice, map(min, one.shape, other.shape)))
    return np.array_equal(one[both], other[both])


def _difficulty(entry: Entry) -> int:
    if entry is None:
        return 2
    return 0 if isinstance(entry, int) or entry.plain else 1


def _changing(models: Sequence[Any], graphs: Sequence[Any]) -> Iterator[tuple[int, list[np.ndarray]]]:
    """The constants that differ: their tensor's index, and their value in each file."""
    for index, tensors in enumerate(zip(*(graph.tensors for graph in graphs), strict=True)):
        values = [_value(model, tensor) for model, tensor in zip(models, tensors, strict=True)]
        found = [value for value in values if value is not None]
        if found and not all(np.array_equal(found[0], value) for value in found[1:]):
            yield index, found


def _value(model: Any, tensor: Any) -> np.ndarray | None:
    """A constant as an array of its shape; of any other dtype than integers, its elements' bytes as numbers."""
    data = data_of(model, tensor)
    if data is None:
        return None
    shape = [int(size) for size in tensor.shape]
    return data.view(_INTEGERS.get(tensor.type, f"u{data.size // prod(shape)}")).reshape(shape)

"""Reads the operators of a LiteRT file one call after the other, with the sizes of the tensors between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..checkpoints.malformed import Budget, pick
from .flatbuffer import Table, root_table
from .litert import Model, OperatorCode, SubGraph, Tensor, buffer_size, dtype_of, operator_name

_CODE, _INPUTS, _OUTPUTS, _INTERMEDIATES = 0, 1, 2, 8
_WIDTHS = {"bool": 1, "complex64": 8, "complex128": 16, "int4": 0.5, "uint4": 0.5, "int2": 0.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSize:
    """A tensor: its bytes, None where they depend on the inputs or have no width; `stored` ones are constants."""

    bytes: int | None
    stored: bool
    variable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCall:
    """One call; `inputs` and `outputs` are places among the graph's tensors, without those that are left out."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One graph: its tensors, its operators in the order in which they run, its own inputs and outputs."""

    tensors: tuple[TensorSize, ...]
    calls: tuple[OperatorCall, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_calls(data: memoryview) -> list[Graph]:
    """The graphs of a .tflite file, the main one first; raises Malformed."""
    model = root_table(data, Budget(len(data)))
    codes = [
        (operator_name(code), code.scalar(OperatorCode.VERSION, "i", 1)) for code in model.tables(Model.OPERATOR_CODES)
    ]
    sizes = [buffer_size(buffer, len(data)) for buffer in model.tables(Model.BUFFERS)]
    return [_graph(graph, codes, sizes) for graph in model.tables(Model.SUBGRAPHS)]


def _graph(graph: Table, codes: Sequence[tuple[str, int]], sizes: Sequence[int]) -> Graph:
    tensors = tuple(_tensor(table, sizes) for table in graph.tables(SubGraph.TENSORS))
    return Graph(
        tensors=tensors,
        calls=tuple(_call(table, codes, len(tensors)) for table in graph.tables(SubGraph.OPERATORS)),
        inputs=_places(graph, SubGraph.INPUTS, len(tensors)),
        outputs=_places(graph, SubGraph.OUTPUTS, len(tensors)),
    )


def _call(operator: Table, codes: Sequence[tuple[str, int]], tensors: int) -> OperatorCall:
    name, version = pick(codes, operator.scalar(_CODE, "I"), "operator code")
    return OperatorCall(
        name=name,
        version=version,
        inputs=_places(operator, _INPUTS, tensors),
        outputs=_places(operator, _OUTPUTS, tensors) + _places(operator, _INTERMEDIATES, tensors),
    )


def _places(table: Table, field: int, count: int) -> tuple[int, ...]:
    return tuple(pick(range(count), place, "tensor") for place in table.numbers(field, "i") or () if place != -1)


def _tensor(tensor: Table, sizes: Sequence[int]) -> TensorSize:
    return TensorSize(
        bytes=_bytes(tensor),
        stored=bool(pick(sizes, tensor.scalar(Tensor.BUFFER, "I"), "buffer")),
        variable=bool(tensor.scalar(Tensor.VARIABLE, "?")),
    )


def _bytes(tensor: Table) -> int | None:
    dtype = dtype_of(tensor)
    digits = "".join(letter for letter in dtype.partition("_")[0] if letter.isdigit())
    width = _WIDTHS.get(dtype, int(digits) / 8 if digits else None)
    shape = tensor.numbers(Tensor.SHAPE, "i") or ()
    sizes = tensor.numbers(Tensor.SHAPE_SIGNATURE, "i") or shape
    unranked = not shape and not tensor.scalar(Tensor.HAS_RANK, "?")
    if width is None or unranked or any(size < 0 for size in sizes):
        return None
    return -(-int(prod(sizes) * width * 8) // 8)

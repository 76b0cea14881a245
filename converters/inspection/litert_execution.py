"""Tells of a LiteRT file which of its convolutions and matrix products are computed in integers.

Kernels go by the types of an operator's tensors: int8 weights beside an input in integers are multiplied as integers,
and beside a float input after it was rounded as it runs ("hybrid"); what a DEQUANTIZE gives is float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from ..checkpoints.malformed import Budget, pick
from ..quantization.execution import Execution, HeavyOperator, Kernel
from .flatbuffer import Table, root_table
from .litert_names import OPERATORS, TENSOR_TYPES

_SUBGRAPHS, _OPERATOR_CODES, _BUFFERS = 2, 1, 4
_TENSORS, _OPERATORS = 0, 3
_SHAPE, _TYPE, _BUFFER, _NAME = 0, 1, 2, 3
_CODE, _INPUTS, _OUTPUTS = 0, 1, 2
_OLD_BUILTIN, _BUILTIN = 0, 3

Sizes = Sequence[int]
# Where an operator has its input and weights, and how many multiply-accumulates it needs for an element of its result,
# from the sizes of the weights (TRANSPOSE_CONV: for an element of its input, which it spreads).
_HEAVY: dict[str, tuple[int, int, Callable[[Sizes], int]]] = {
    "CONV_2D": (0, 1, lambda sizes: prod(sizes[1:])),
    "DEPTHWISE_CONV_2D": (0, 1, lambda sizes: prod(sizes[1:3])),
    "TRANSPOSE_CONV": (2, 1, lambda sizes: prod(sizes[:3])),
    "CONV_3D": (0, 1, lambda sizes: prod(sizes[:4])),
    "CONV_3D_TRANSPOSE": (2, 1, lambda sizes: prod(sizes[:4])),
    "FULLY_CONNECTED": (0, 1, lambda sizes: prod(sizes[-1:])),
    "BATCH_MATMUL": (0, 1, lambda sizes: prod(sizes[-2:-1])),
}
_SPREADING = frozenset({"TRANSPOSE_CONV", "CONV_3D_TRANSPOSE"})
_HYBRID = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_CARRIES = frozenset({"DEQUANTIZE", "TRANSPOSE", "RESHAPE"})
_INTEGERS = frozenset({"int8", "int16"})
_REASONS = {
    "CONV_3D": "LiteRT has no kernel for three-dimensional convolutions of integers",
    "CONV_3D_TRANSPOSE": "LiteRT has no kernel for three-dimensional convolutions of integers",
    "BATCH_MATMUL": "LiteRT's kernel for batched products has one scale for all of its weights",
}
_STORED_ALONE = "its weights are stored as integers, and computed in float"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tensor:
    sizes: tuple[int, ...]
    dtype: str
    name: str
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operator:
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_litert_execution(data: memoryview, sizes: Mapping[int, Sizes] | None = None) -> Execution:
    """The convolutions and products with stored weights of a .tflite file, in its order; raises Malformed.

    Those in a loop's body count as one round of it, open sizes as the file has them; `sizes` are those of the first
    graph's tensors on an input of another size.
    """
    model = root_table(data, Budget(len(data)))
    names = [_operator_name(code) for code in model.tables(_OPERATOR_CODES)]
    filled = [bool(_stored_bytes(buffer)) for buffer in model.tables(_BUFFERS)]
    graphs = [_Graph(graph, names, filled) for graph in model.tables(_SUBGRAPHS)]
    if graphs and sizes is not None:
        graphs[0].resize(sizes)
    return Execution(operators=tuple(found for graph in graphs for found in graph.heavy()))


class _Graph:
    def __init__(self, graph: Table, names: Sequence[str], filled: Sequence[bool]) -> None:
        self._tensors = [_tensor(table, filled) for table in graph.tables(_TENSORS)]
        self._operators = [_operator(table, names) for table in graph.tables(_OPERATORS)]
        self._makers = {index: operator for operator in self._operators for index in operator.outputs}

    def resize(self, sizes: Mapping[int, Sizes]) -> None:
        """Give tensors other sizes than the file has."""
        self._tensors = [
            replace(tensor, sizes=tuple(sizes.get(index, tensor.sizes))) for index, tensor in enumerate(self._tensors)
        ]

    def heavy(self) -> Iterator[HeavyOperator]:
        """The operators that multiply by stored weights."""
        for operator in self._operators:
            if operator.name in _HEAVY and self._is_stored(_given(operator, _HEAVY[operator.name][1])):
                yield self._judged(operator)

    def _judged(self, operator: _Operator) -> HeavyOperator:
        place, weights_place, each = _HEAVY[operator.name]
        given, weights = (self._tensor(_given(operator, at)) for at in (place, weights_place))
        result = self._tensor(pick(operator.outputs, 0, "output"))
        spreads = operator.name in _SPREADING
        integer = weights.dtype == "int8" and (given.dtype in _INTEGERS or operator.name in _HYBRID)
        return HeavyOperator(
            name=result.name,
            operator=operator.name.lower(),
            macs=prod((given if spreads else result).sizes) * each(weights.sizes),
            kernel=Kernel.INTEGER if integer else Kernel.FLOAT,
            reason="" if integer else self._reason(operator, weights_place),
        )

    def _reason(self, operator: _Operator, place: int) -> str:
        if operator.name in _REASONS:
            return _REASONS[operator.name]
        maker = self._makers.get(_given(operator, place))
        if maker is None or maker.name != "DEQUANTIZE":
            return ""
        return _STORED_ALONE if self._tensor(_given(maker, 0)).dtype == "int8" else ""

    def _is_stored(self, index: int) -> bool:
        """Whether a tensor is a constant, or one that is only converted or transposed."""
        for _ in range(4):
            if self._tensor(index).stored:
                return True
            maker = self._makers.get(index)
            if maker is None or maker.name not in _CARRIES:
                return False
            index = _given(maker, 0)
        return False

    def _tensor(self, index: int) -> _Tensor:
        return pick(self._tensors, index, "tensor")


def _given(operator: _Operator, place: int) -> int:
    return pick(operator.inputs, place, "input")


def _operator_name(code: Table) -> str:
    number = max(code.scalar(_OLD_BUILTIN, "b"), code.scalar(_BUILTIN, "i"))
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else ""


def _stored_bytes(buffer: Table) -> int:
    offset, size = buffer.scalar(1, "Q"), buffer.scalar(2, "Q")
    data = buffer.bytes(0)
    return size if offset > 1 else (0 if data is None else len(data))


def _tensor(table: Table, filled: Sequence[bool]) -> _Tensor:
    number = table.scalar(_TYPE, "b")
    return _Tensor(
        sizes=table.numbers(_SHAPE, "i") or (),
        dtype=TENSOR_TYPES[number] if 0 <= number < len(TENSOR_TYPES) else "",
        name=table.string(_NAME) or "",
        stored=pick(filled, table.scalar(_BUFFER, "I"), "buffer"),
    )


def _operator(table: Table, names: Sequence[str]) -> _Operator:
    return _Operator(
        name=pick(names, table.scalar(_CODE, "I"), "operator code"),
        inputs=table.numbers(_INPUTS, "i") or (),
        outputs=table.numbers(_OUTPUTS, "i") or (),
    )

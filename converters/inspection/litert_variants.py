"""Tells how a LiteRT file resizes, pads its convolutions and computes GELU.

Field numbers as in litert.py, those of options in the order in which the schema declares them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from ..checkpoints.malformed import Budget, pick
from .flatbuffer import Table, root_table
from .litert_names import OPERATORS
from .padding import Step, same_pads, sum_of, zeros_before
from .variants import Gelu, Pads, Resize, Variants, Window

_SUBGRAPHS, _OPERATOR_CODES, _BUFFERS = 2, 1, 4
_TENSORS, _OPERATORS = 0, 3
_SHAPE, _TYPE, _BUFFER, _NAME, _SIGNATURE = 0, 1, 2, 3, 7
_CODE, _INPUTS, _OUTPUTS, _OPTIONS = 0, 1, 2, 4
_OLD_BUILTIN, _BUILTIN = 0, 3
_SAME, _INT64 = 0, 4
# Where the options of a convolution have its dilation across; that along stands behind it.
_STEPS = ("PAD", "TRANSPOSE")
_DILATION = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5}


def litert_variants(data: memoryview) -> Variants:
    """Read a .tflite file; raises Malformed."""
    model = root_table(data, Budget(len(data)))
    names = [_operator_name(code) for code in model.tables(_OPERATOR_CODES)]
    buffers = list(model.tables(_BUFFERS))
    graphs = [_Graph(graph, names, buffers) for graph in model.tables(_SUBGRAPHS)]
    return Variants(
        resizes=tuple(found for graph in graphs for found in graph.resizes()),
        windows=tuple(found for graph in graphs for found in graph.windows()),
        gelus=tuple(found for graph in graphs for found in graph.gelus()),
        curves=frozenset("tanh" for graph in graphs for _ in graph.calls("TANH")),
    )


class _Graph:
    def __init__(self, graph: Table, names: Sequence[str], buffers: Sequence[Table]) -> None:
        self._tensors = list(graph.tables(_TENSORS))
        self._operators = [
            (pick(names, operator.scalar(_CODE, "I"), "operator code"), operator)
            for operator in graph.tables(_OPERATORS)
        ]
        self._buffers = buffers
        self._makers = {
            index: (name, operator)
            for name, operator in self._operators
            for index in operator.numbers(_OUTPUTS, "i") or ()
        }

    def calls(self, *names: str) -> Iterator[tuple[str, Table]]:
        """The operators of some kinds."""
        for name, operator in self._operators:
            if name in names:
                yield name, operator

    def resizes(self) -> Iterator[Resize]:
        for name, operator in self.calls("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
            linear = name == "RESIZE_BILINEAR"
            first = 2 if linear else 0  # two sizes that are no longer used stand before the flags of the bilinear one
            corners, half = (bool(_option(operator, first + place, "?")) for place in (0, 1))
            yield Resize(
                mode="linear" if linear else "nearest",
                rule="align-corners" if corners else "half-pixel" if half else "asymmetric",
                rounding="half-up" if corners or half else "floor",
            )

    def windows(self) -> Iterator[Window]:
        for name, operator in self.calls(*_DILATION):
            image, weights = (pick(operator.numbers(_INPUTS, "i") or (), place, "input") for place in (0, 1))
            kernel = self._sizes(weights, "kernel")
            stride = (_option(operator, 2, "i"), _option(operator, 1, "i"))
            across = _DILATION[name]
            dilation = (_option(operator, across + 1, "i", 1), _option(operator, across, "i", 1))
            own: Pads | None = ((0, 0), (0, 0))
            if _option(operator, 0, "b") == _SAME:
                sizes = self._sizes(image, "image")
                own = None if min(sizes, default=-1) < 0 else same_pads(sizes, kernel, stride, dilation)
            pads = None if own is None else sum_of(own, zeros_before(image, self._step, (1, 2)))
            yield Window(kernel=kernel, stride=stride, dilation=dilation, pads=pads)

    def gelus(self) -> Iterator[Gelu]:
        for _, operator in self.calls("GELU"):
            yield Gelu(curve="tanh" if _option(operator, 0, "?") else "erf")

    def _sizes(self, index: int, what: str) -> tuple[int, ...]:
        """Height and width of a tensor of four dimensions; open ones are negative."""
        tensor = pick(self._tensors, index, what)
        return (tensor.numbers(_SIGNATURE, "i") or tensor.numbers(_SHAPE, "i") or ())[1:3]

    def _step(self, index: int) -> Step[int] | None:
        """What padded or turned a tensor, if nothing else did."""
        name, operator = self._makers.get(index, ("", None))
        given = () if operator is None else operator.numbers(_INPUTS, "i") or ()
        if name not in _STEPS or len(given) < 2:
            return None
        numbers = self._whole_numbers(given[1])
        if name == "TRANSPOSE":
            return Step(given=given[0], order=numbers)
        return Step(given=given[0], pads=tuple(zip(numbers[::2], numbers[1::2], strict=False)))

    def _whole_numbers(self, index: int) -> tuple[int, ...]:
        """The values of a constant of int32 or int64, nothing for a tensor that is computed."""
        tensor = pick(self._tensors, index, "tensor")
        data = pick(self._buffers, tensor.scalar(_BUFFER, "I"), "buffer").bytes(0)
        width, code = (8, "q") if tensor.scalar(_TYPE, "b") == _INT64 else (4, "i")
        return () if data is None else struct.unpack(f"<{len(data) // width}{code}", data[: len(data) // width * width])


def _operator_name(code: Table) -> str:
    number = max(code.scalar(_OLD_BUILTIN, "b"), code.scalar(_BUILTIN, "i"))
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else ""


def _option(operator: Table, field: int, code: str, default: int = 0) -> int:
    """A field of an operator's options; they are left out where all of them are what the schema says without them."""
    options = operator.table(_OPTIONS)
    return default if options is None else options.scalar(field, code, default)

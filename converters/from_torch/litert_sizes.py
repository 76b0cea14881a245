"""Writes operators into a LiteRT graph that compute at run time what depends on an open size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import prod
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

# One size in all the compared files.
Sizes = tuple[int, ...]
# float32 rounds to 6e-8, and a third file confirms.
_SAME_RATIO = 1 + 1e-6
_DTYPES: dict[Any, Any] = {
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A size computed from axes of tensors: their product, times `factor`, plus `addend`."""

    axes: tuple[tuple[int, int], ...]
    factor: int = 1
    addend: int = 0

    @property
    def plain(self) -> bool:
        """Whether it is one axis as it is."""
        return len(self.axes) == 1 and self.factor == 1 and self.addend == 0


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number that follows a size: `number` times it, or divided by it."""

    number: float
    formula: Formula
    divided: bool


class KnownSizes:
    """The open sizes of the tensors that exist at one place of a graph, in the order in which they came to be."""

    def __init__(self) -> None:
        self._axes: dict[Sizes, tuple[int, int]] = {}

    def add(self, tensor: int, shapes: Sequence[Sequence[int]]) -> None:
        """Make a tensor known by its shape in each of the compared files."""
        for axis, sizes in enumerate(zip(*(map(int, shape) for shape in shapes), strict=True)):
            if len(set(sizes)) > 1:
                self._axes.setdefault(sizes, (tensor, axis))

    def entries(self, shapes: Sequence[Sequence[int]]) -> list[int | Formula | None]:
        """What each size of a shape is, given the shape in each file: fixed, by the simplest formula, or unknown."""
        return [self._entry(tuple(map(int, sizes))) for sizes in zip(*shapes, strict=True)]

    def scaled(self, numbers: np.ndarray) -> Scaled | None:
        """The first size that the numbers, one in each file, are proportional to, or their inverses are; or None."""
        for known, axis in self._axes.items():
            # A variance is divided by one less than the size.
            for addend in (0, -1):
                sizes = np.array(known, np.float64) + addend
                for divided, ratios in ((True, numbers * sizes), (False, numbers / np.maximum(sizes, 1))):
                    if ratios.min() > 0 and ratios.max() / ratios.min() < _SAME_RATIO:
                        return Scaled(float(np.median(ratios)), Formula((axis,), addend=addend), divided)
        return None

    def _entry(self, sizes: Sizes) -> int | Formula | None:
        return sizes[0] if len(set(sizes)) == 1 else next(self._formulas(sizes), None)

    def _formulas(self, sizes: Sizes) -> Iterator[Formula]:
        if sizes in self._axes:
            yield Formula((self._axes[sizes],))
        yield from self._multiples(sizes, 1)
        yield from self._lines(sizes)
        yield from self._multiples(sizes, 2)
        yield from self._multiples(sizes, 3)

    def _lines(self, sizes: Sizes) -> Iterator[Formula]:
        """A known size times a fixed number, plus another."""
        for (first, *known), axis in self._axes.items():
            rises = {
                divmod(size - sizes[0], part - first)
                for size, part in zip(sizes[1:], known, strict=True)
                if part != first
            }
            if len(rises) == 1 and next(iter(rises))[0] > 0 and next(iter(rises))[1] == 0:
                factor = rises.pop()[0]
                yield Formula((axis,), factor=factor, addend=sizes[0] - factor * first)

    def _multiples(self, sizes: Sizes, count: int) -> Iterator[Formula]:
        """Products of so many known sizes and a fixed number."""
        for known in combinations_with_replacement(self._axes, count):
            products = [prod(parts) for parts in zip(*known, strict=True)]
            factors = {divmod(size, product) for size, product in zip(sizes, products, strict=True) if product}
            if len(factors) == 1 and next(iter(factors))[1] == 0 and all(sizes):
                yield Formula(tuple(self._axes[part] for part in known), factor=next(iter(factors))[0])


class GraphWriter:
    """Collects new operators for one subgraph of a model, and adds their tensors, buffers and operator codes."""

    def __init__(self, model: Any, graph: Any) -> None:
        self.operators: list[Any] = []
        self._model = model
        self._graph = graph
        self._parts: dict[Any, int] = {}

    def sizes(self, entries: Sequence[int | Formula], dtype: Any) -> int:
        """A vector of sizes, some of them computed."""
        result = self._tensor([len(entries)], dtype)
        self.sizes_into(result, entries, dtype)
        return result

    def sizes_into(self, target: int, entries: Sequence[int | Formula], dtype: Any) -> None:
        """Compute a vector of sizes into a tensor that exists; into a number if that is what it is."""
        self._join([self._part(entry, np.dtype(dtype)) for entry in entries], target)

    def _join(self, parts: list[int], target: int) -> None:
        """Vectors of one as a vector, or as a number if the target is one."""
        if len(self._graph.tensors[target].shape) == 0:
            squeeze = schema.SqueezeOptionsT()
            squeeze.squeezeDims = [0]
            self._write("SQUEEZE", parts, target, squeeze)
        else:
            self._write("CONCATENATION", parts, target, schema.ConcatenationOptionsT())

    def number_into(self, target: int, scaled: Scaled) -> None:
        """Compute a float32 number that follows a size into a tensor that exists."""
        size, number = self._tensor([1], np.float32), self.constant(np.array([scaled.number], np.float32))
        options = schema.CastOptionsT()
        options.inDataType, options.outDataType = schema.TensorType.INT32, schema.TensorType.FLOAT32
        self._write("CAST", [self._part(scaled.formula, np.dtype(np.int32))], size, options)
        result = self._tensor([1], np.float32)
        if scaled.divided:
            self._write("DIV", [number, size], result, schema.DivOptionsT())
        else:
            self._write("MUL", [number, size], result, schema.MulOptionsT())
        self._join([result], target)

    def broadcast_into(self, target: int, small: np.ndarray, entries: Sequence[int | Formula]) -> None:
        """Let a constant with sizes of 1 be spread over a tensor that exists."""
        dtype = self._graph.tensors[target].type
        inputs = [self.constant(small, dtype), self.sizes(entries, np.int32)]
        self._write("BROADCAST_TO", inputs, target, schema.BroadcastToOptionsT(), version=2)

    def head_into(self, target: int, large: np.ndarray, entries: Sequence[int | Formula]) -> None:
        """Let the beginning of a constant, along every axis, become a tensor that exists."""
        dtype = self._graph.tensors[target].type
        start = self.constant(np.zeros(large.ndim, np.int32))
        inputs = [self.constant(large, dtype), start, self.sizes(entries, np.int32)]
        self._write("SLICE", inputs, target, schema.SliceOptionsT())

    def constant(self, value: np.ndarray, dtype: Any = None) -> int:
        """A new stored tensor; gives its index."""
        index = self._tensor(list(value.shape), value.dtype, dtype)
        store(self._model, self._graph.tensors[index], value)
        return index

    def _part(self, entry: int | Formula, dtype: Any) -> int:
        """One size as a vector of one; gives its tensor's index."""
        if ("entry", entry, dtype) not in self._parts:
            made = (
                self._computed(entry, dtype) if isinstance(entry, Formula) else self.constant(np.array([entry], dtype))
            )
            self._parts["entry", entry, dtype] = made
        return self._parts["entry", entry, dtype]

    def _computed(self, formula: Formula, dtype: Any) -> int:
        first, *others = (self._axis(tensor, axis, dtype) for tensor, axis in formula.axes)
        for other in others:
            first = self._arithmetic("MUL", first, other, dtype)
        if formula.factor != 1:
            first = self._arithmetic("MUL", first, self._part(formula.factor, dtype), dtype)
        if formula.addend:
            first = self._arithmetic("ADD", first, self._part(formula.addend, dtype), dtype)
        return first

    def _arithmetic(self, name: str, left: int, right: int, dtype: Any) -> int:
        result = self._tensor([1], dtype)
        self._write(name, [left, right], result, schema.MulOptionsT() if name == "MUL" else schema.AddOptionsT())
        return result

    def _axis(self, tensor: int, axis: int, dtype: Any) -> int:
        """The size of one axis of a tensor, as a vector of one."""
        if ("axis", tensor, axis, dtype) not in self._parts:
            result = self._tensor([1], dtype)
            ends = [self.constant(np.array([value], np.int32)) for value in (axis, axis + 1, 1)]
            self._write("STRIDED_SLICE", [self._shape(tensor, dtype), *ends], result, schema.StridedSliceOptionsT())
            self._parts["axis", tensor, axis, dtype] = result
        return self._parts["axis", tensor, axis, dtype]

    def _shape(self, tensor: int, dtype: Any) -> int:
        if ("shape", tensor, dtype) not in self._parts:
            result = self._tensor([len(self._graph.tensors[tensor].shape)], dtype)
            options = schema.ShapeOptionsT()
            options.outType = _DTYPES[np.dtype(dtype)]
            self._write("SHAPE", [tensor], result, options)
            self._parts["shape", tensor, dtype] = result
        return self._parts["shape", tensor, dtype]

    def _tensor(self, shape: list[int], dtype: Any, kind: Any = None) -> int:
        tensor = schema.TensorT()
        tensor.shape = np.array(shape, np.int32)
        tensor.type = _DTYPES[np.dtype(dtype)] if kind is None else kind
        tensor.buffer = 0  # by the format's rule the empty one
        tensor.name = f"open_size_{len(self._graph.tensors)}"
        tensor.hasRank = True
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _write(self, name: str, inputs: list[int], output: int, options: Any, *, version: int = 1) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = _operator_code(self._model, getattr(schema.BuiltinOperator, name), version)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        operator.builtinOptions = options
        self.operators.append(operator)


def store(model: Any, tensor: Any, value: np.ndarray) -> None:
    """Give a tensor a constant of its own: another tensor may share the one that it had."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1


def _operator_code(model: Any, builtin: int, version: int) -> int:
    """Where an operator stands in the model's list of them."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin and code.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = builtin
    code.deprecatedBuiltinCode = min(builtin, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1

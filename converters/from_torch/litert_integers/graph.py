"""One subgraph of a LiteRT model as something to change: who makes and reads a tensor, new tensors and operators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

Builtin = schema.BuiltinOperator
Type = schema.TensorType
_NAMES = {number: name for name, number in vars(Builtin).items() if not name.startswith("_")}
DTYPES: dict[int, Any] = {
    Type.FLOAT32: np.float32,
    Type.FLOAT16: np.float16,
    Type.INT8: np.int8,
    Type.INT16: np.int16,
    Type.INT32: np.int32,
    Type.INT64: np.int64,
}
_TYPES = {np.dtype(dtype): number for number, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Scale:
    """What the integers of a tensor stand for: real = (integer - zero_point) * step, one step for a whole tensor.

    The step is a float32 number.
    """

    dtype: int
    step: float
    zero_point: int


class Graph:
    """A subgraph and its model; tensors are known by their number, operators change through these methods alone."""

    def __init__(self, model: Any, graph: Any) -> None:
        self._model = model
        self._graph = graph
        self.operators: list[Any] = []
        self._makers: dict[int, Any] = {}
        self._readers: dict[int, list[Any]] = {}
        for operator in graph.operators or []:
            operator.inputs = [int(index) for index in operator.inputs] if operator.inputs is not None else []
            operator.outputs = [int(index) for index in operator.outputs] if operator.outputs is not None else []
            self.operators.append(operator)
            self._enlist(operator)

    def close(self) -> None:
        """Write the operators back, and drop tensors that nothing uses any more."""
        self._graph.operators = self.operators
        used = {*self.inputs, *self.outputs}
        used.update(index for operator in self.operators for index in (*operator.inputs, *operator.outputs))
        kept = [index for index in range(len(self._graph.tensors)) if index in used]
        self._renumber({index: place for place, index in enumerate(kept)} | {-1: -1})
        self._graph.tensors = [self._graph.tensors[index] for index in kept]
        for index in set(range(len(kept))) - {*self.inputs, *self.outputs}:
            self.tensor(index).name = _short(self.label(index))

    def _renumber(self, places: dict[int, int]) -> None:
        for operator in self.operators:
            operator.inputs = [places[index] for index in operator.inputs]
            operator.outputs = [places[index] for index in operator.outputs]
        for entry in self._entries():
            entry.tensorIndex = places[entry.tensorIndex]
        self._graph.inputs = [places[index] for index in self.inputs]
        self._graph.outputs = [places[index] for index in self.outputs]

    @property
    def inputs(self) -> list[int]:
        """The tensors that the graph is given."""
        return [int(index) for index in self._graph.inputs]

    @property
    def outputs(self) -> list[int]:
        """The tensors that the graph gives."""
        return [int(index) for index in self._graph.outputs]

    def name(self, operator: Any) -> str:
        """An operator's name: "CONV_2D"."""
        return _NAMES.get(self._model.operatorCodes[operator.opcodeIndex].builtinCode, "?")

    def tensor(self, index: int) -> Any:
        """A tensor by its number."""
        return self._graph.tensors[index]

    def label(self, index: int) -> str:
        """A tensor's name."""
        name = self.tensor(index).name or b""
        return str(name.decode("utf-8", "replace") if isinstance(name, bytes) else name)

    def shape(self, index: int) -> list[int]:
        """A tensor's sizes."""
        shape = self.tensor(index).shape
        return [] if shape is None else [int(size) for size in shape]

    def is_float(self, index: int) -> bool:
        """Whether a tensor holds float32."""
        return index >= 0 and bool(self.tensor(index).type == Type.FLOAT32)

    def scale(self, index: int) -> Scale | None:
        """What a tensor's integers stand for; None for a tensor without a single scale."""
        tensor = self.tensor(index)
        found = tensor.quantization
        if found is None or found.scale is None or len(found.scale) != 1:
            return None
        zero_points = found.zeroPoint
        zero = int(zero_points[0]) if zero_points is not None and len(zero_points) else 0
        return Scale(int(tensor.type), float(found.scale[0]), zero)

    def maker(self, index: int) -> Any:
        """The operator that makes a tensor, or None."""
        return self._makers.get(index)

    def readers(self, index: int) -> list[Any]:
        """The operators that read a tensor."""
        return list(self._readers.get(index, ()))

    def constant(self, index: int) -> np.ndarray | None:
        """The values of a stored tensor of a dtype that numpy has."""
        if index < 0:
            return None
        tensor = self.tensor(index)
        data = self._model.buffers[tensor.buffer].data
        if data is None or len(data) == 0 or tensor.type not in DTYPES:
            return None
        return np.asarray(data).view(DTYPES[tensor.type]).reshape(self.shape(index))

    def is_stored(self, index: int) -> bool:
        """Whether a tensor is a constant."""
        data = self._model.buffers[self.tensor(index).buffer].data
        return data is not None and len(data) > 0

    def like(self, index: int, dtype: int, suffix: str) -> int:
        """A new tensor of the same sizes."""
        source = self.tensor(index)
        tensor = schema.TensorT()
        tensor.shape, tensor.shapeSignature, tensor.hasRank = source.shape, source.shapeSignature, source.hasRank
        tensor.type, tensor.buffer = dtype, 0
        tensor.name = f"{self.label(index)}/{suffix}"
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def in_integers(self, index: int, scale: Scale, suffix: str = "integers") -> int:
        """A new tensor of the same sizes that holds integers."""
        made = self.like(index, scale.dtype, suffix)
        self.tensor(made).quantization = quantization([scale.step], [scale.zero_point])
        return made

    def store(self, label: str, values: np.ndarray, scales: Any = None, axis: int = 0) -> int:
        """A new stored tensor, with scales (and zero points of 0) along an axis if it is quantised."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.shape = np.array(values.shape, np.int32)
        tensor.type, tensor.buffer = _TYPES[values.dtype], len(self._model.buffers) - 1
        tensor.name = label
        if scales is not None:
            tensor.quantization = quantization(scales, np.zeros(len(scales), np.int64), axis)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], version: int = 1) -> Any:
        """A new operator without options, not yet in its place."""
        made = schema.OperatorT()
        made.opcodeIndex = self.code(getattr(Builtin, name), version)
        made.inputs, made.outputs = list(inputs), list(outputs)
        return made

    def set_version(self, operator: Any, version: int) -> None:
        """Say since which version LiteRT has the operator on these types."""
        current = self._model.operatorCodes[operator.opcodeIndex]
        operator.opcodeIndex = self.code(current.builtinCode, max(version, current.version))

    def code(self, builtin: int, version: int) -> int:
        """Where an operator stands in the model's list of them."""
        codes = self._model.operatorCodes
        for index, code in enumerate(codes):
            if code.builtinCode == builtin and code.version == version and not code.customCode:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = builtin, version
        code.deprecatedBuiltinCode = min(builtin, Builtin.PLACEHOLDER_FOR_GREATER_OP_CODES)
        codes.append(code)
        return len(codes) - 1

    def insert_before(self, anchor: Any, operator: Any) -> None:
        """Put a new operator before another."""
        self.operators.insert(self.place(anchor), operator)
        self._enlist(operator)

    def insert_after(self, anchor: Any, operator: Any) -> None:
        """Put a new operator behind another."""
        self.operators.insert(self.place(anchor) + 1, operator)
        self._enlist(operator)

    def place(self, operator: Any) -> int:
        """Where an operator stands."""
        return self.operators.index(operator)

    def remove(self, operator: Any) -> None:
        """Take an operator out."""
        del self.operators[self.place(operator)]
        self._strike(operator)

    def let_read(self, operator: Any, place: int, index: int) -> None:
        """Let an operator read another tensor in one place, which may be its first new one."""
        self._strike(operator)
        operator.inputs = [*operator.inputs, *[-1] * (place + 1 - len(operator.inputs))]
        operator.inputs[place] = index
        self._enlist(operator)

    def let_read_all(self, operator: Any, old: int, new: int) -> None:
        """Let an operator read another tensor wherever it reads one."""
        self._strike(operator)
        operator.inputs = [new if index == old else index for index in operator.inputs]
        self._enlist(operator)

    def let_make(self, operator: Any, index: int) -> None:
        """Let an operator with one result make another tensor."""
        self._strike(operator)
        operator.outputs = [index]
        self._enlist(operator)

    def redirect(self, old: int, new: int) -> None:
        """Let all who read a tensor read another, the graph's outputs too."""
        for operator in self.readers(old):
            self.let_read_all(operator, old, new)
        if old in self.outputs:
            self.replace_output(old, new)

    def replace_input(self, old: int, new: int) -> None:
        """Let the graph be given another tensor, under the same name of its signature."""
        self._graph.inputs = [new if index == old else index for index in self.inputs]
        self._rename(old, new)

    def replace_output(self, old: int, new: int) -> None:
        """Let the graph give another tensor, under the same name of its signature."""
        self._graph.outputs = [new if index == old else index for index in self.outputs]
        self._rename(old, new)

    def _rename(self, old: int, new: int) -> None:
        for entry in self._entries():
            if entry.tensorIndex == old:
                entry.tensorIndex = new

    def _entries(self) -> Iterator[Any]:
        """What the model's signatures say of this graph's tensors."""
        for signature in self._model.signatureDefs or []:
            if self._model.subgraphs[signature.subgraphIndex] is self._graph:
                yield from (*signature.inputs, *signature.outputs)

    def sweep(self) -> None:
        """Take out conversions between integers and real numbers that nobody reads."""
        outputs = set(self.outputs)
        for operator in reversed(list(self.operators)):
            unread = not any(self._readers.get(index) or index in outputs for index in operator.outputs)
            if unread and self.name(operator) in {"QUANTIZE", "DEQUANTIZE"}:
                self.remove(operator)

    def _enlist(self, operator: Any) -> None:
        for index in operator.outputs:
            self._makers[index] = operator
        for index in dict.fromkeys(operator.inputs):
            self._readers.setdefault(index, []).append(operator)

    def _strike(self, operator: Any) -> None:
        for index in operator.outputs:
            if self._makers.get(index) is operator:
                del self._makers[index]
        for index in dict.fromkeys(operator.inputs):
            self._readers[index].remove(operator)


def _short(label: str) -> str:
    """The path of a module, "head.6", of a name with the classes of all modules around it, which makes files large."""
    parts = label.partition(";")[0].split("/")
    path = ".".join(filter(None, (part.rpartition(".")[2].partition("_")[2] for part in parts)))
    return path or parts[0].partition("/")[0]


def quantization(scales: Any, zero_points: Any, axis: int = 0) -> Any:
    """The quantisation parameters of a tensor."""
    made = schema.QuantizationParametersT()
    made.scale = np.asarray(scales, np.float32)
    made.zeroPoint = np.asarray(zero_points, np.int64)
    made.quantizedDimension = axis
    return made

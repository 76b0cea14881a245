"""Reads the graph of an ONNX file: signature, nodes, initializers, opsets.

Field numbers are those of onnx.proto (IR version 13), https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
Those of `ModelProto`: 1 ir_version, 2 producer_name, 3 producer_version, 4 domain, 5 model_version, 6 doc_string,
7 graph, 8 opset_import, 14 metadata_props, 20 training_info, 25 functions, 26 configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import protobuf
from ..checkpoints.malformed import Budget, Malformed
from ..checkpoints.opening import damage_named, mapped
from ..checkpoints.protobuf import integer, integers, nested, text
from .findings import Contents, TensorFacts
from .onnx_side_files import SideData, missing_side_files, side_data
from .weights import WeightTally, product, ranked

_DTYPES = dict(
    enumerate(
        "float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64 complex128"
        " bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz uint4 int4 float4_e2m1 float8_e8m0 uint2"
        " int2".split(),
        start=1,
    )
)
_TYPED_DATA = frozenset({4, 5, 7, 9, 10, 11})
_DEEPEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that a model defines: "domain::name", the opsets it is written in, the operators in its body."""

    name: str
    opsets: dict[str, str]
    operators: dict[str, int]


class OnnxReader:
    """Collects what one model holds while its graphs are walked; `functions` are there once it was read."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self._operators: Counter[str] = Counter()
        self._weights = WeightTally()
        self._side_data: set[SideData] = set()
        self._budget = Budget(0)

    def read(self, data: memoryview, *, folder: Path | None = None) -> Contents:
        """Read a serialised ModelProto; raises Malformed, Refused for data outside of `folder` (if given)."""
        self._budget = Budget(len(data))
        versions: dict[str, str] = {}
        metadata: dict[str, str] = {}
        notes: list[str] = []
        inputs: tuple[TensorFacts, ...] = ()
        outputs: tuple[TensorFacts, ...] = ()
        for number, value in self._fields(data):
            if number == 7:
                inputs, outputs = self._graph(nested(value), depth=0)
            elif number == 14:
                metadata.update([_entry(nested(value))])
            elif number == 25:
                function = self._function(nested(value))
                self.functions[function.name] = function
                notes.append(f"defines the function {function.name}, whose nodes are counted once")
            else:
                versions.update(_version(number, value))
        notes += self._about_side_files(folder)
        return Contents(
            inputs=inputs,
            outputs=outputs,
            operators=ranked(self._operators),
            weights=self._weights.total(),
            versions=versions,
            metadata=metadata,
            notes=tuple(notes),
        )

    def _graph(self, graph: memoryview, *, depth: int) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...]]:
        if depth > _DEEPEST:
            raise Malformed(f"its graphs are nested more than {_DEEPEST} deep")
        inputs: list[TensorFacts] = []
        outputs: list[TensorFacts] = []
        initialised: set[str] = set()
        for number, value in self._fields(graph):
            if number == 1:
                self._node(nested(value), depth=depth)
            elif number == 5:
                initialised.add(self._tensor(nested(value)))
            elif number == 15:
                initialised.add(self._sparse(nested(value)))
            elif number == 11:
                inputs.append(_tensor_facts(nested(value)))
            elif number == 12:
                outputs.append(_tensor_facts(nested(value)))
        return tuple(fact for fact in inputs if fact.name not in initialised), tuple(outputs)

    def _node(self, node: memoryview, *, depth: int) -> None:
        kind = domain = ""
        for number, value in self._fields(node):
            if number == 4:
                kind = text(value)
            elif number == 7:
                domain = text(value)
            elif number == 5:
                self._attribute(nested(value), depth=depth)
        self._operators[f"{domain}::{kind}" if domain not in ("", "ai.onnx") else kind] += 1

    def _attribute(self, attribute: memoryview, *, depth: int) -> None:
        for number, value in self._fields(attribute):
            if number in (5, 10):
                self._tensor(nested(value))
            elif number in (6, 11):
                self._graph(nested(value), depth=depth + 1)
            elif number == 22:
                self._sparse(nested(value))

    def _function(self, function: memoryview) -> Function:
        name = domain = ""
        opsets: dict[str, str] = {}
        outside, self._operators = self._operators, Counter()
        for number, value in self._fields(function):
            if number == 1:
                name = text(value)
            elif number == 10:
                domain = text(value)
            elif number == 7:
                self._node(nested(value), depth=1)
            elif number == 9:
                opsets.update(_version(8, value))
        inside, self._operators = self._operators, outside
        self._operators += inside
        return Function(name=f"{domain}::{name}", opsets=opsets, operators=dict(inside))

    def _sparse(self, sparse: memoryview) -> str:
        name = ""
        for number, value in self._fields(sparse):
            if number == 1:
                name = self._tensor(nested(value))
        return name

    def _tensor(self, tensor: memoryview) -> str:
        name, kind, size, shape = "", 0, 0, list[int]()
        external: list[tuple[str, str]] = []
        for number, value in self._fields(tensor):
            if number == 1:
                shape += self._integers(value)
            elif number == 2:
                kind = integer(value)
            elif number == 8:
                name = text(value)
            elif number in _TYPED_DATA:
                size += 1 if isinstance(value, int) else len(value)
            elif number == 6:
                size += len(nested(value))
            elif number == 13:
                external.append(_entry(nested(value)))
        if external:
            data = side_data(external)
            self._side_data.add(data)
            size = data.length or size
        dtype = _dtype(kind)
        if not external and dtype != "string" and product(shape) > 4 * size:
            raise Malformed(f"the constant {name!r} claims {product(shape)} values and stores {size} bytes")
        self._weights.add(object(), dtype, shape, size)
        return name

    def _about_side_files(self, folder: Path | None) -> list[str]:
        names = sorted({data.location for data in self._side_data})
        missing = [] if folder is None else missing_side_files(folder, self._side_data)
        fate = {name: "is missing" if name in missing else "must travel with it" for name in names}
        return [f"weights are stored beside it in {name}, which {fate[name]}" for name in names]

    def _fields(self, message: memoryview) -> Iterator[tuple[int, protobuf.Value]]:
        for field in protobuf.fields(message):
            self._budget.spend(1)
            yield field

    def _integers(self, value: protobuf.Value) -> Iterator[int]:
        for number in integers(value):
            self._budget.spend(1)
            yield number


def check_external_data(path: Path) -> None:
    """Raises UnsafeInput if the model stores data outside of its folder, SourceError if it cannot be read.

    For whoever is about to load the model.
    """
    data = mapped(path)
    with damage_named(path, "ONNX model"):
        OnnxReader().read(data, folder=path.absolute().parent)


def _version(number: int, value: protobuf.Value) -> dict[str, str]:
    if number == 1:
        return {"IR": str(integer(value))}
    if number == 8:
        domain, version = "", 0
        for inner, content in protobuf.fields(nested(value)):
            if inner == 1:
                domain = text(content)
            elif inner == 2:
                version = integer(content)
        return {f"opset {domain}".rstrip() if domain != "ai.onnx" else "opset": str(version)}
    names = {2: "producer", 3: "producer version", 4: "domain", 6: "description"}
    if number in names and len(nested(value)):
        return {names[number]: text(value)}
    return {}


def _entry(entry: memoryview) -> tuple[str, str]:
    key = content = ""
    for number, value in protobuf.fields(entry):
        if number == 1:
            key = text(value)
        elif number == 2:
            content = text(value)
    return key, content


def _tensor_facts(info: memoryview) -> TensorFacts:
    name, dtype, shape = "", None, None
    for number, value in protobuf.fields(info):
        if number == 1:
            name = text(value)
        elif number == 2:
            dtype, shape = _tensor_type(nested(value))
    return TensorFacts(name=name, dtype=dtype, shape=shape)


def _tensor_type(kind: memoryview) -> tuple[str | None, tuple[int | str, ...] | None]:
    names = {4: "sequence", 5: "map", 7: "opaque", 8: "sparse tensor", 9: "optional"}
    dtype, shape = None, None
    for number, value in protobuf.fields(kind):
        if number != 1:
            dtype = names.get(number, dtype)
            continue
        for inner, content in protobuf.fields(nested(value)):
            if inner == 1:
                dtype = _dtype(integer(content))
            elif inner == 2:
                shape = tuple(
                    _dimension(nested(size)) for field, size in protobuf.fields(nested(content)) if field == 1
                )
    return dtype, shape


def _dimension(dimension: memoryview) -> int | str:
    for number, value in protobuf.fields(dimension):
        if number == 1:
            return integer(value)
        if number == 2:
            return text(value) or "?"
    return "?"


def _dtype(number: int) -> str:
    return _DTYPES.get(number, f"type {number}")

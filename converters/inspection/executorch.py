"""Reads an ExecuTorch program: methods, kernels, delegates with their payloads, constants.

Field numbers are those of executorch/exir/_serialize/program.fbs in 1.5, in the order of declaration (a union takes
two).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..checkpoints.malformed import Budget, Malformed, pick
from ..quantization.execution import Execution, HeavyOperator
from .executorch_header import read_header
from .executorch_kernels import heavy_kernels
from .executorch_variants import kernel_variants, reordered, xnnpack_variants
from .findings import Contents, Partition, TensorFacts
from .flatbuffer import Table, root_table
from .texts import text_of
from .variants import Variants, together
from .weights import WeightTally, product, ranked
from .xnnpack import read_xnnpack
from .xnnpack_execution import heavy_operators

IDENTIFIER = b"ET12"
_DTYPES: dict[int, str] = dict(
    zip(
        (*range(8), *range(11, 18), *range(22, 30)),
        (
            "uint8 int8 int16 int32 int64 float16 float32 float64"
            " bool qint8 quint8 qint32 bfloat16 quint4x2 quint2x4"
            " bits16 float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz uint16 uint32 uint64"
        ).split(),
        strict=True,
    )
)
_WIDTHS = {"8": 1, "16": 2, "32": 4, "64": 8}
_NONE, _INT, _BOOL, _DOUBLE, _TENSOR, _STRING = 1, 2, 3, 4, 5, 6
_VALUE_NAMES = {1: "none", 2: "int", 3: "bool", 4: "float", 6: "string"}
_KERNEL_CALL, _DELEGATE_CALL = 1, 2


class Program:
    """The fields of the root table; all behind the version refer to something."""

    VERSION, PLANS, OLD_CONSTANTS, DELEGATE_DATA, SEGMENTS, CONSTANT_SEGMENT, MUTABLE_SEGMENTS, NAMED_DATA = range(8)


class _Plan:
    NAME, CONTAINER, VALUES, INPUTS, OUTPUTS, CHAINS, OPERATORS, DELEGATES, PLANNED = range(9)


class _Tensor:
    DTYPE, OFFSET, SIZES, DIM_ORDER, GRADIENT, DATA, ALLOCATION, LAYOUT, DYNAMISM, EXTRA = range(10)


def read_executorch(data: memoryview) -> Contents:
    """Read a .pte file; raises Malformed."""
    return ExecutorchReader(data).read()


def read_executorch_execution(data: memoryview) -> Execution:
    """What a .pte file computes in integers; raises Malformed."""
    return ExecutorchReader(data).execution()


class ExecutorchReader:
    """One program and the segments that follow it."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._program = root_table(data, Budget(len(data)))
        self._weights = WeightTally()
        self._header = read_header(data)
        self._segments = [self._segment(segment) for segment in self._program.tables(Program.SEGMENTS)]
        self._named = {
            entry.string(0) or "": pick(self._segments, entry.scalar(1, "I"), "segment")
            for entry in self._program.tables(Program.NAMED_DATA)
        }
        self._named_sizes = {name: len(data) for name, data in self._named.items()}

    def read(self) -> Contents:
        """Everything the program tells."""
        methods: list[Table] = []
        metadata: dict[str, str] = {}
        for plan in self._program.tables(Program.PLANS):
            constant = _constant_method(plan)
            if constant is None:
                methods.append(plan)
            else:
                metadata[plan.string(_Plan.NAME) or "?"] = constant
        if not methods:
            raise Malformed("it holds no method")
        operators: Counter[str] = Counter()
        partitions: list[Partition] = []
        for plan in methods:
            kernels, delegates = _calls(plan)
            operators += kernels
            partitions += self._partitions(plan, delegates)
        inputs, outputs = (self._signature(methods[0], side) for side in (_Plan.INPUTS, _Plan.OUTPUTS))
        return Contents(
            inputs=inputs,
            outputs=outputs,
            operators=ranked(operators),
            partitions=tuple(partitions),
            weights=self._weights_of(methods).total(),
            versions=self._versions(),
            metadata={**metadata, **self._texts()},
            notes=tuple(_notes(methods, inputs)),
        )

    def _versions(self) -> dict[str, str]:
        header = {} if self._header is None else {"extended header": f"{self._header.length} bytes"}
        return {"schema": str(self._program.scalar(Program.VERSION, "I")), **header}

    def _texts(self) -> dict[str, str]:
        """Named data that are texts and called like files; the weights of delegates are called by hashes."""
        found = {name: text_of(data) for name, data in self._named.items() if "." in name}
        return {name: text for name, text in found.items() if text}

    def execution(self) -> Execution:
        """The convolutions and matrix products, in delegates and beside them."""
        found: list[HeavyOperator] = []
        partitions = 0
        for plan in self._program.tables(Program.PLANS):
            for delegate in plan.tables(_Plan.DELEGATES):
                partitions += 1
                if delegate.string(0) == "XnnpackBackend":
                    found += heavy_operators(self._payload(delegate))
            found += heavy_kernels(_kernel_calls(plan), list(plan.tables(_Plan.VALUES)))
        return Execution(operators=tuple(found), partitions=partitions)

    def variants(self) -> Variants:
        """How it resizes, pads and computes GELU, in delegates and beside them."""
        found: list[Variants] = []
        for plan in self._program.tables(Program.PLANS):
            delegates = (each for each in plan.tables(_Plan.DELEGATES) if each.string(0) == "XnnpackBackend")
            found += (xnnpack_variants(self._payload(delegate)) for delegate in delegates)
            found.append(kernel_variants(_kernel_calls(plan), list(plan.tables(_Plan.VALUES))))
        return together(found)

    def planned_bytes(self) -> int:
        """The memory that the plan of the largest method gives its tensors; what delegates take comes on top."""
        sizes = (plan.numbers(_Plan.PLANNED, "q") or () for plan in self._program.tables(Program.PLANS))
        return max((sum(each[1:]) for each in sizes), default=0)  # the first is a placeholder for constants

    def reordered(self) -> Iterator[str]:
        """Inputs and constants whose numbers do not lie in the order of their axes."""
        for plan in self._program.tables(Program.PLANS):
            yield from reordered(list(plan.tables(_Plan.VALUES)), plan.numbers(_Plan.INPUTS, "i") or ())

    def _segment(self, segment: Table) -> memoryview:
        start = (self._header.segments if self._header else 0) + segment.scalar(0, "Q")
        end = start + segment.scalar(1, "Q")
        if end > len(self._data):
            raise Malformed(f"a segment ends at byte {end}, and there are {len(self._data)}")
        return self._data[start:end]

    def _signature(self, plan: Table, side: int) -> tuple[TensorFacts, ...]:
        values = list(plan.tables(_Plan.VALUES))
        return tuple(_facts(pick(values, index, "value")) for index in plan.numbers(side, "i") or ())

    def _partitions(self, plan: Table, calls: Counter[int]) -> Iterator[Partition]:
        for index, delegate in enumerate(plan.tables(_Plan.DELEGATES)):
            backend = delegate.string(0) or "?"
            payload = self._payload(delegate)
            graph = None
            if backend == "XnnpackBackend":
                graph = read_xnnpack(payload, named_sizes=self._named_sizes, weights=self._weights)
            yield Partition(
                backend=backend,
                method=plan.string(_Plan.NAME) or "?",
                calls=calls[index],
                bytes=len(payload),
                operators=graph.nodes if graph else None,
                version=graph.version if graph else None,
            )

    def _payload(self, delegate: Table) -> memoryview:
        reference = delegate.table(1)
        if reference is None:
            raise Malformed("a delegate has no payload")
        index = reference.scalar(1, "I")
        if reference.scalar(0, "b"):
            return pick(self._segments, index, "segment")
        inline = list(self._program.tables(Program.DELEGATE_DATA))
        return pick(inline, index, "delegate payload").bytes(0) or memoryview(b"")

    def _weights_of(self, methods: list[Table]) -> WeightTally:
        for plan in methods:
            for value in plan.tables(_Plan.VALUES):
                tensor = value.table(1) if value.scalar(0, "B") == _TENSOR else None
                if tensor is None:
                    continue
                buffer = tensor.scalar(_Tensor.DATA, "I")
                if buffer:
                    shape = tensor.numbers(_Tensor.SIZES, "i") or ()
                    dtype = _dtype(tensor)
                    mutable = tensor.table(_Tensor.ALLOCATION) is not None
                    self._weights.add((mutable, buffer), dtype, shape, product(shape) * _width(dtype))
        return self._weights


def _calls(plan: Table) -> tuple[Counter[str], Counter[int]]:
    names = [_operator_name(operator) for operator in plan.tables(_Plan.OPERATORS)]
    kernels: Counter[str] = Counter()
    delegates: Counter[int] = Counter()
    for chain in plan.tables(_Plan.CHAINS):
        for instruction in chain.tables(2):
            kind, arguments = instruction.scalar(0, "B"), instruction.table(1)
            if arguments is None:
                raise Malformed("an instruction has no arguments")
            if kind == _KERNEL_CALL:
                kernels[pick(names, arguments.scalar(0, "i"), "operator")] += 1
            elif kind == _DELEGATE_CALL:
                delegates[arguments.scalar(0, "i")] += 1
    return kernels, delegates


def _kernel_calls(plan: Table) -> list[tuple[str, tuple[int, ...]]]:
    """Each kernel that a method calls, with the places of its arguments among the method's values."""
    names = [_operator_name(operator) for operator in plan.tables(_Plan.OPERATORS)]
    return [
        (pick(names, arguments.scalar(0, "i"), "operator"), arguments.numbers(1, "i") or ())
        for chain in plan.tables(_Plan.CHAINS)
        for instruction in chain.tables(2)
        if instruction.scalar(0, "B") == _KERNEL_CALL and (arguments := instruction.table(1)) is not None
    ]


def _operator_name(operator: Table) -> str:
    name, overload = operator.string(0) or "?", operator.string(1)
    return f"{name}.{overload}" if overload else name


def _facts(value: Table) -> TensorFacts:
    kind = value.scalar(0, "B")
    tensor = value.table(1)
    if kind != _TENSOR or tensor is None:
        return TensorFacts(name=None, dtype=_VALUE_NAMES.get(kind, "list"), shape=None)
    sizes = tensor.numbers(_Tensor.SIZES, "i") or ()
    dynamism = tensor.scalar(_Tensor.DYNAMISM, "b")
    extra = tensor.table(_Tensor.EXTRA)
    shape: tuple[int | str, ...] = sizes
    if dynamism == 1:  # The sizes are upper bounds; the file does not say which of them may be smaller.
        shape = tuple(f"<={size}" if size > 1 else size for size in sizes)
    elif dynamism == 2:
        shape = tuple("?" for _ in sizes)
    return TensorFacts(name=(extra.string(1) if extra else None) or None, dtype=_dtype(tensor), shape=shape)


def _constant_method(plan: Table) -> str | None:
    """The value of a method that takes nothing and computes nothing, or None."""
    outputs = plan.numbers(_Plan.OUTPUTS, "i") or ()
    if plan.numbers(_Plan.INPUTS, "i") or any(True for chain in plan.tables(_Plan.CHAINS) for _ in chain.tables(2)):
        return None
    values = list(plan.tables(_Plan.VALUES))
    texts = [_constant(pick(values, index, "value")) for index in outputs]
    return ", ".join(text for text in texts if text is not None) if None not in texts else None


def _constant(value: Table) -> str | None:
    kind, content = value.scalar(0, "B"), value.table(1)
    if content is None:
        return None
    if kind == _INT:
        return str(content.scalar(0, "q"))
    if kind == _BOOL:
        return str(bool(content.scalar(0, "?")))
    if kind == _DOUBLE:
        return str(content.real(0))
    return content.string(0) if kind == _STRING else None


def _notes(methods: list[Table], inputs: tuple[TensorFacts, ...]) -> Iterator[str]:
    if len(methods) > 1:
        names = ", ".join(plan.string(_Plan.NAME) or "?" for plan in methods)
        yield f"has {len(methods)} methods ({names}); the signature of the first is shown"
    if any(isinstance(size, str) for fact in inputs for size in fact.shape or ()):
        yield "stores upper bounds of dynamic shapes, and not which dimensions may be smaller"


def _dtype(tensor: Table) -> str:
    number = tensor.scalar(_Tensor.DTYPE, "b")
    return _DTYPES.get(number, f"type {number}")


def _width(dtype: str) -> int:
    """Bytes per value, from the digits in the dtype's name."""
    digits = "".join(character for character in dtype.partition("_")[0] if character.isdigit())
    return _WIDTHS.get(digits, 1)

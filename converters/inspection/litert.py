"""Reads a LiteRT (TensorFlow Lite) model: signature, operators, constants, metadata.

Field numbers are those of LiteRT's schema version 3,
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs, in the order of declaration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..checkpoints.malformed import Budget, Malformed, pick
from .findings import Contents, TensorFacts
from .flatbuffer import Table, root_table
from .litert_names import OPERATORS, TENSOR_TYPES
from .weights import WeightTally, ranked

IDENTIFIER = b"TFL3"
_CUSTOM = OPERATORS.index("CUSTOM")
_LONGEST_METADATA = 200


class _Model:
    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, _, METADATA, SIGNATURE_DEFS, GROUPS = range(9)


class _SubGraph:
    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class _Tensor:
    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, VARIABLE, SPARSITY, SHAPE_SIGNATURE, HAS_RANK = range(9)


class _Quantization:
    MIN, MAX, SCALE, ZERO_POINT = range(4)


class _OperatorCode:
    OLD_BUILTIN, CUSTOM, VERSION, BUILTIN = range(4)


class _Buffer:
    DATA, OFFSET, SIZE = range(3)


class _Signature:
    INPUTS, OUTPUTS, KEY, _, SUBGRAPH = range(5)


def read_litert(data: memoryview) -> Contents:
    """Read a .tflite file; raises Malformed."""
    model = root_table(data, Budget(len(data)))
    graphs = list(model.tables(_Model.SUBGRAPHS))
    if not graphs:
        raise Malformed("it holds no graph")
    sizes = [_buffer_size(buffer, len(data)) for buffer in model.tables(_Model.BUFFERS)]
    weights = WeightTally()
    tensors = [list(graph.tables(_SubGraph.TENSORS)) for graph in graphs]
    for tensor in (tensor for group in tensors for tensor in group):
        _tally(tensor, sizes, weights)
    inputs, outputs, notes = _signature(model, graphs, tensors)
    operators = _operators(model, graphs)
    versions, metadata = _metadata(model)
    return Contents(
        inputs=inputs,
        outputs=outputs,
        operators=operators,
        weights=weights.total(),
        versions=versions,
        metadata=metadata,
        notes=(*notes, *_flex_notes(operators)),
    )


def _operators(model: Table, graphs: list[Table]) -> dict[str, int]:
    names = [_operator_name(code) for code in model.tables(_Model.OPERATOR_CODES)]
    counts: Counter[str] = Counter()
    for graph in graphs:
        for operator in graph.tables(_SubGraph.OPERATORS):
            counts[pick(names, operator.scalar(0, "I"), "operator code")] += 1
    return ranked(counts)


def _operator_name(code: Table) -> str:
    # Files older than schema 3a keep the number in one signed byte, newer ones in both fields.
    number = max(code.scalar(_OperatorCode.OLD_BUILTIN, "b"), code.scalar(_OperatorCode.BUILTIN, "i"))
    if number == _CUSTOM:
        return f"CUSTOM {code.string(_OperatorCode.CUSTOM) or '?'}"
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"operator {number}"


def _flex_notes(operators: dict[str, int]) -> Iterator[str]:
    flex = [name.removeprefix("CUSTOM Flex") for name in operators if name.startswith("CUSTOM Flex")]
    if flex:
        yield f"needs TensorFlow's Flex delegate at run time for {', '.join(flex)}"
    custom = [name.removeprefix("CUSTOM ") for name in operators if name.startswith("CUSTOM ")]
    own = [name for name in custom if not name.startswith("Flex")]
    if own:
        yield f"needs custom operators registered with the runtime: {', '.join(own)}"


def _signature(
    model: Table, graphs: list[Table], tensors: list[list[Table]]
) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...], tuple[str, ...]]:
    signatures = list(model.tables(_Model.SIGNATURE_DEFS))
    if not signatures:
        sides = (graphs[0].numbers(side, "i") or () for side in (_SubGraph.INPUTS, _SubGraph.OUTPUTS))
        inputs, outputs = (tuple(_facts(pick(tensors[0], index, "tensor")) for index in side) for side in sides)
        return inputs, outputs, ("has no signature: the names are those of its tensors",)
    first = signatures[0]
    own = pick(tensors, first.scalar(_Signature.SUBGRAPH, "I"), "graph")
    inputs, outputs = (
        tuple(_facts(pick(own, entry.scalar(1, "I"), "tensor"), name=entry.string(0)) for entry in first.tables(side))
        for side in (_Signature.INPUTS, _Signature.OUTPUTS)
    )
    if len(signatures) == 1:
        return inputs, outputs, ()
    keys = ", ".join(signature.string(_Signature.KEY) or "?" for signature in signatures)
    return inputs, outputs, (f"has {len(signatures)} signatures ({keys}); the first is shown",)


def _facts(tensor: Table, *, name: str | None = None) -> TensorFacts:
    shape = tensor.numbers(_Tensor.SHAPE, "i") or ()
    signature = tensor.numbers(_Tensor.SHAPE_SIGNATURE, "i") or shape
    unranked = not shape and not tensor.scalar(_Tensor.HAS_RANK, "?") and bool(signature)
    quantization = tensor.table(_Tensor.QUANTIZATION)
    scales: tuple[float, ...] = quantization.reals(_Quantization.SCALE, "f") if quantization else ()
    zeros: tuple[int, ...] = (quantization.numbers(_Quantization.ZERO_POINT, "q") if quantization else None) or ()
    return TensorFacts(
        name=name if name is not None else tensor.string(_Tensor.NAME),
        dtype=_dtype(tensor),
        shape=None if unranked else tuple("?" if size < 0 else size for size in signature),
        scale=next(iter(scales)) if len(scales) == 1 else None,
        zero_point=next(iter(zeros)) if len(scales) == 1 == len(zeros) else None,
    )


def _dtype(tensor: Table) -> str:
    number = tensor.scalar(_Tensor.TYPE, "b")
    return TENSOR_TYPES[number] if 0 <= number < len(TENSOR_TYPES) else f"type {number}"


def _tally(tensor: Table, sizes: list[int], weights: WeightTally) -> None:
    buffer = tensor.scalar(_Tensor.BUFFER, "I")
    size = pick(sizes, buffer, "buffer")
    if size:
        weights.add(buffer, _dtype(tensor), tensor.numbers(_Tensor.SHAPE, "i") or (), size)


def _buffer_size(buffer: Table, file_size: int) -> int:
    offset, size = buffer.scalar(_Buffer.OFFSET, "Q"), buffer.scalar(_Buffer.SIZE, "Q")
    if offset > 1:  # Constants past the two gigabytes that a FlatBuffer can address stand after it.
        if offset + size > file_size:
            raise Malformed(f"a constant ends at byte {offset + size}, and there are {file_size}")
        return size
    data = buffer.bytes(_Buffer.DATA)
    return 0 if data is None else len(data)


def _metadata(model: Table) -> tuple[dict[str, str], dict[str, str]]:
    buffers = list(model.tables(_Model.BUFFERS))
    versions = {"schema": str(model.scalar(_Model.VERSION, "I"))}
    metadata: dict[str, str] = {}
    description = model.string(_Model.DESCRIPTION)
    if description:
        metadata["description"] = description
    for entry in model.tables(_Model.METADATA):
        name = entry.string(0) or "?"
        content = pick(buffers, entry.scalar(1, "I"), "buffer").bytes(_Buffer.DATA)
        if name == "min_runtime_version":
            versions["minimum runtime"] = _text(content)
        elif name == "CONVERSION_METADATA" and content:
            versions.update(_converter(content))
        else:
            metadata[name] = _text(content)
    return versions, metadata


def _converter(content: memoryview) -> Iterator[tuple[str, str]]:
    """The version in TensorFlow's ConversionMetadata: environment (0), in it tensorflow_version (0)."""
    environment = root_table(content, Budget(len(content))).table(0)
    version = environment.string(0) if environment else None
    if version:
        yield "converter (TensorFlow)", version


def _text(content: memoryview | None) -> str:
    data = b"" if content is None else content[:_LONGEST_METADATA].tobytes().rstrip(b"\0")
    text = data.decode("utf-8", "replace")
    if content is not None and (len(content) > _LONGEST_METADATA or not text.isprintable()):
        return f"{len(content)} bytes"
    return text

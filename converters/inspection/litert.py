"""Reads a LiteRT (TensorFlow Lite) model: signature, operators, constants, metadata.

Field numbers are those of LiteRT's schema version 3,
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs, in the order of declaration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ..checkpoints.malformed import Budget, Malformed, pick
from .findings import Contents, TensorFacts
from .flatbuffer import Table, root_table
from .litert_description import IDENTIFIER as DESCRIPTION_IDENTIFIER
from .litert_description import KEY, read_description
from .litert_names import OPERATORS, TENSOR_TYPES
from .texts import shown
from .weights import WeightTally, ranked

IDENTIFIER = b"TFL3"
_CUSTOM = OPERATORS.index("CUSTOM")


class Model:
    """The fields of the root table; all behind the version refer to something."""

    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, _, METADATA, SIGNATURE_DEFS, GROUPS, EXTERNAL = range(10)


class SubGraph:
    """The fields of a graph."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class Tensor:
    """The fields of a tensor."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, VARIABLE, SPARSITY, SHAPE_SIGNATURE, HAS_RANK = range(9)


class _Quantization:
    MIN, MAX, SCALE, ZERO_POINT = range(4)


class OperatorCode:
    """The fields of an operator's name and version."""

    OLD_BUILTIN, CUSTOM, VERSION, BUILTIN = range(4)


class Buffer:
    """The fields of a constant: its bytes, or where they stand behind the graph."""

    DATA, OFFSET, SIZE = range(3)


class _Signature:
    INPUTS, OUTPUTS, KEY, _, SUBGRAPH = range(5)


def read_litert(data: memoryview) -> Contents:
    """Read a .tflite file; raises Malformed."""
    model = root_table(data, Budget(len(data)))
    graphs = list(model.tables(Model.SUBGRAPHS))
    if not graphs:
        raise Malformed("it holds no graph")
    sizes = [buffer_size(buffer, len(data)) for buffer in model.tables(Model.BUFFERS)]
    weights = WeightTally()
    tensors = [list(graph.tables(SubGraph.TENSORS)) for graph in graphs]
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
    names = [operator_name(code) for code in model.tables(Model.OPERATOR_CODES)]
    counts: Counter[str] = Counter()
    for graph in graphs:
        for operator in graph.tables(SubGraph.OPERATORS):
            counts[pick(names, operator.scalar(0, "I"), "operator code")] += 1
    return ranked(counts)


def operator_name(code: Table) -> str:
    """What a runtime registers it as, "CUSTOM name" for those beside its own."""
    # Files older than schema 3a keep the number in one signed byte, newer ones in both fields.
    number = max(code.scalar(OperatorCode.OLD_BUILTIN, "b"), code.scalar(OperatorCode.BUILTIN, "i"))
    if number == _CUSTOM:
        return f"CUSTOM {code.string(OperatorCode.CUSTOM) or '?'}"
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
    signatures = list(model.tables(Model.SIGNATURE_DEFS))
    if not signatures:
        sides = (graphs[0].numbers(side, "i") or () for side in (SubGraph.INPUTS, SubGraph.OUTPUTS))
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


def tensor_names(model: Table) -> tuple[list[str], list[str]]:
    """Names of the first graph's inputs and outputs, in its own order: the signature's, else those of its tensors."""
    graph = next(model.tables(Model.SUBGRAPHS), None)
    if graph is None:
        raise Malformed("it holds no graph")
    signatures = (each for each in model.tables(Model.SIGNATURE_DEFS) if each.scalar(_Signature.SUBGRAPH, "I") == 0)
    signature = next(signatures, None)
    return (
        _names(graph, SubGraph.INPUTS, signature.tables(_Signature.INPUTS) if signature else ()),
        _names(graph, SubGraph.OUTPUTS, signature.tables(_Signature.OUTPUTS) if signature else ()),
    )


def _names(graph: Table, side: int, entries: Iterable[Table]) -> list[str]:
    tensors = list(graph.tables(SubGraph.TENSORS))
    known = {entry.scalar(1, "I"): entry.string(0) for entry in entries}
    places = graph.numbers(side, "i") or ()
    return [known.get(place) or pick(tensors, place, "tensor").string(Tensor.NAME) or "?" for place in places]


def _facts(tensor: Table, *, name: str | None = None) -> TensorFacts:
    shape = tensor.numbers(Tensor.SHAPE, "i") or ()
    signature = tensor.numbers(Tensor.SHAPE_SIGNATURE, "i") or shape
    unranked = not shape and not tensor.scalar(Tensor.HAS_RANK, "?") and bool(signature)
    quantization = tensor.table(Tensor.QUANTIZATION)
    scales: tuple[float, ...] = quantization.reals(_Quantization.SCALE, "f") if quantization else ()
    zeros: tuple[int, ...] = (quantization.numbers(_Quantization.ZERO_POINT, "q") if quantization else None) or ()
    return TensorFacts(
        name=name if name is not None else tensor.string(Tensor.NAME),
        dtype=dtype_of(tensor),
        shape=None if unranked else tuple("?" if size < 0 else size for size in signature),
        scale=next(iter(scales)) if len(scales) == 1 else None,
        zero_point=next(iter(zeros)) if len(scales) == 1 == len(zeros) else None,
    )


def dtype_of(tensor: Table) -> str:
    """The dtype of a tensor, as numpy calls it."""
    number = tensor.scalar(Tensor.TYPE, "b")
    return TENSOR_TYPES[number] if 0 <= number < len(TENSOR_TYPES) else f"type {number}"


def _tally(tensor: Table, sizes: list[int], weights: WeightTally) -> None:
    buffer = tensor.scalar(Tensor.BUFFER, "I")
    size = pick(sizes, buffer, "buffer")
    if size:
        weights.add(buffer, dtype_of(tensor), tensor.numbers(Tensor.SHAPE, "i") or (), size)


def buffer_size(buffer: Table, file_size: int) -> int:
    """The bytes of a constant, 0 where there is none; raises Malformed if the file is shorter."""
    offset, size = buffer.scalar(Buffer.OFFSET, "Q"), buffer.scalar(Buffer.SIZE, "Q")
    if offset > 1:  # Constants past the two gigabytes that a FlatBuffer can address stand after it.
        if offset + size > file_size:
            raise Malformed(f"a constant ends at byte {offset + size}, and there are {file_size}")
        return size
    data = buffer.bytes(Buffer.DATA)
    return 0 if data is None else len(data)


def _metadata(model: Table) -> tuple[dict[str, str], dict[str, str]]:
    buffers = list(model.tables(Model.BUFFERS))
    versions = {"schema": str(model.scalar(Model.VERSION, "I"))}
    metadata: dict[str, str] = {}
    description = model.string(Model.DESCRIPTION)
    if description:
        metadata["description"] = description
    for entry in model.tables(Model.METADATA):
        name = entry.string(0) or "?"
        content = pick(buffers, entry.scalar(1, "I"), "buffer").bytes(Buffer.DATA)
        if name == "min_runtime_version":
            versions["minimum runtime"] = shown(content)
        elif name == "CONVERSION_METADATA" and content:
            versions.update(_converter(content))
        elif name == KEY and content and content[4:8].tobytes() == DESCRIPTION_IDENTIFIER:
            metadata[name] = read_description(content)
        else:
            metadata[name] = shown(content)
    return versions, metadata


def _converter(content: memoryview) -> Iterator[tuple[str, str]]:
    """The version in TensorFlow's ConversionMetadata: environment (0), in it tensorflow_version (0)."""
    environment = root_table(content, Budget(len(content))).table(0)
    version = environment.string(0) if environment else None
    if version:
        yield "converter (TensorFlow)", version

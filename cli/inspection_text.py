"""An inspection as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..converters.inspection.findings import Inspection, Partition, Weights
from ..validators.reports.wording import size
from .fields import field_lines
from .metadata_text import metadata_lines
from .tensor_text import input_text, tensor_lines
from .wording import counts_text, plural, printable

_INDENT = 12
_PARTITIONS_SHOWN = 4
_TITLES = {"torchscript": "TorchScript", "executorch": "ExecuTorch", "litert": "LiteRT", "onnx": "ONNX"}


def describe(found: Inspection) -> Iterator[str]:
    """The lines of the report, as wide as the terminal."""
    contents = found.contents
    yield printable(found.file)
    yield from _field("format", [_TITLES[found.format]])
    yield from _field("size", [f"{size(found.bytes)} ({found.bytes:,} bytes)"])
    yield from _field("sha256", [found.sha256])
    yield from _field("inputs", [input_text(fact, index) for index, fact in enumerate(contents.inputs)])
    yield from _field("outputs", [input_text(fact, index) for index, fact in enumerate(contents.outputs)])
    yield from _field("weights", [_weights(contents.weights)])
    if contents.tensors:
        yield from _field("tensors", list(tensor_lines(contents.tensors))[1:])  # the weights say how many there are
    for partition in contents.partitions[:_PARTITIONS_SHOWN]:
        yield from _field("partition", _partition(partition))
    yield from _field("", list(_remaining(contents.partitions[_PARTITIONS_SHOWN:])))
    outside = " outside of partitions" if contents.partitions else ""
    yield from _field("operators", [f"{found.undelegated:,}{outside}", counts_text(contents.operators)])
    yield from _field("versions", [f"{printable(name)} {printable(text)}" for name, text in contents.versions.items()])
    yield from _field("metadata", [line for entry in contents.metadata.items() for line in metadata_lines(*entry)])
    yield from _field("notes", [printable(note) for note in contents.notes])


def _field(label: str, texts: list[str]) -> Iterator[str]:
    return field_lines(label, texts, indent=_INDENT)


def _weights(weights: Weights) -> str:
    if not weights.tensors:
        return "none"
    return (
        f"{plural(weights.count, 'value')} in {plural(weights.tensors, 'tensor')}, {size(weights.bytes)}"
        f" ({counts_text(weights.elements)})"
    )


def _remaining(partitions: tuple[Partition, ...]) -> Iterator[str]:
    if partitions:
        operators: Counter[str] = Counter()
        for partition in partitions:
            operators.update(partition.operators or {})
        total = size(sum(partition.bytes for partition in partitions))
        yield f"and {plural(len(partitions), 'more partition')}, {total}, {plural(operators.total(), 'operator')}"
        yield counts_text(dict(operators.most_common()))


def _partition(partition: Partition) -> list[str]:
    inside = "" if partition.operators is None else f", {plural(sum(partition.operators.values()), 'operator')}"
    place = f"{printable(partition.backend)} in {printable(partition.method)}"
    sizes = f"{plural(partition.calls, 'call')}, {size(partition.bytes)}{inside}"
    return [f"{place}: {sizes}", counts_text(partition.operators or {})]

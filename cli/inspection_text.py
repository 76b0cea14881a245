"""An inspection as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..converters.inspection.findings import Inspection, Partition, TensorFacts, Weights
from ..validators.reports.wording import size
from .fields import field_lines
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
    yield from _field("inputs", [tensor_text(fact, index) for index, fact in enumerate(contents.inputs)])
    yield from _field("outputs", [tensor_text(fact, index) for index, fact in enumerate(contents.outputs)])
    yield from _field("weights", [_weights(contents.weights)])
    for partition in contents.partitions[:_PARTITIONS_SHOWN]:
        yield from _field("partition", _partition(partition))
    yield from _field("", list(_remaining(contents.partitions[_PARTITIONS_SHOWN:])))
    outside = " outside of partitions" if contents.partitions else ""
    yield from _field("operators", [f"{found.undelegated:,}{outside}", counts_text(contents.operators)])
    yield from _field("versions", [f"{printable(name)} {printable(text)}" for name, text in contents.versions.items()])
    yield from _field("metadata", [f"{printable(name)}: {printable(text)}" for name, text in contents.metadata.items()])
    yield from _field("notes", [printable(note) for note in contents.notes])


def _field(label: str, texts: list[str]) -> Iterator[str]:
    return field_lines(label, texts, indent=_INDENT)


def tensor_text(fact: TensorFacts, index: int) -> str:
    """One input or output; `index` stands for a name that the file does not store."""
    name = printable(fact.name) if fact.name is not None else f"({index})"
    if fact.dtype is None and fact.shape is None:
        return f"{name}: tensor"
    shape = "" if fact.shape is None else f"[{', '.join(printable(str(size)) for size in fact.shape)}]"
    scale = "" if fact.scale is None else f", scale {fact.scale:.9g}, zero point {fact.zero_point or 0}"
    return f"{name}: {fact.dtype or 'tensor'}{shape}{scale}"


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

"""An inspection of a checkpoint as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..converters.inspection.checkpoint_findings import Branch, CheckpointInspection, Function, Prefix
from ..validators.reports.wording import size
from .fields import field_lines
from .tensor_text import input_text, tensor_lines
from .wording import NO_BREAK, counts_text, plural, printable

_INDENT = 13
_ROWS_SHOWN = 12
_LONGEST_NAME = 60


def describe_checkpoint(found: CheckpointInspection) -> Iterator[str]:
    """The lines of the report, as wide as the terminal."""
    contents = found.contents
    yield printable(found.file)
    yield from _field("kind", [found.kind])
    yield from _field("written by", [printable(contents.writer or "")])
    yield from _field("size", [_sizes(found)])
    yield from _field("sha256", _digests(found))
    yield from _field("tensors", tensor_lines(contents.tensors))
    yield from _field("prefixes", [_prefixes(contents.prefixes)])
    yield from _field("holds", _first(map(_branch, contents.branches), len(contents.branches)))
    values = [f"{printable(name)}: {printable(text)}" for name, text in contents.values.items()]
    yield from _field("values", _first(values, len(values)))
    for function in contents.functions:
        yield from _field("function", _function(function))
    yield from _field("operators", [counts_text(contents.operators)])
    refused = set(contents.refused)
    yield from _field("globals", [", ".join(printable(name) for name in contents.globals if name not in refused)])
    yield from _field("not allowed", _first(map(printable, contents.refused), len(contents.refused)))
    yield from _field("metadata", [f"{printable(name)}: {printable(text)}" for name, text in contents.metadata.items()])
    yield from _field("notes", [printable(note) for note in contents.notes])


def _field(label: str, texts: Iterable[str]) -> Iterator[str]:
    return field_lines(label, list(texts), indent=_INDENT)


def _sizes(found: CheckpointInspection) -> str:
    files = f" in {plural(len(found.files), 'file')}" if len(found.files) > 1 else ""
    memory = f", {size(found.contents.memory_bytes)} in memory" if found.contents.tensors else ""
    return f"{size(found.bytes)} ({found.bytes:,} bytes){files}{memory}"


def _digests(found: CheckpointInspection) -> Iterator[str]:
    if len(found.files) == 1:
        yield found.files[0].sha256
        return
    yield from _first([f"{file.sha256} {printable(file.name)}" for file in found.files], len(found.files))


def _prefixes(prefixes: tuple[Prefix, ...]) -> str:
    texts = [
        f"{printable(prefix.prefix)}{f' in {printable(prefix.place)}' if prefix.place else ''} {prefix.tensors:,}"
        for prefix in prefixes[:_ROWS_SHOWN]
    ]
    more = [f"and {len(prefixes) - _ROWS_SHOWN:,} more"] if len(prefixes) > _ROWS_SHOWN else []
    return ", ".join(text.replace(" ", NO_BREAK) for text in [*texts, *more])


def _branch(branch: Branch) -> str:
    entries = plural(branch.entries, "entry") if branch.entries == 1 else f"{branch.entries:,} entries"
    below = f", {plural(branch.tensors, 'tensor')}, {size(branch.bytes)}" if branch.tensors else ""
    return f"{printable(branch.key)}: {printable(branch.kind)}, {entries}{below}"


def _function(function: Function) -> Iterator[str]:
    yield printable(function.name)
    for label, facts in (("in", function.inputs), ("out", function.outputs)):
        for index, fact in enumerate(facts):
            yield f"{label}{NO_BREAK * (4 - len(label))}{input_text(fact, index)}"


def _first(texts: Iterable[str], count: int) -> Iterator[str]:
    for _, text in zip(range(_ROWS_SHOWN), texts, strict=False):
        yield text
    if count > _ROWS_SHOWN:
        yield f"and {count - _ROWS_SHOWN:,} more (--json lists all)"

"""Inputs, outputs and stored tensors as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..converters.inspection.findings import NamedTensor, TensorFacts
from ..validators.reports.wording import size
from .wording import NO_BREAK, counts_text, plural, printable

_SHOWN = 20


def input_text(fact: TensorFacts, index: int) -> str:
    """One input or output; `index` stands for a name that the file does not store."""
    name = printable(fact.name) if fact.name is not None else f"({index})"
    if fact.dtype is None and fact.shape is None:
        return f"{name}: tensor"
    shape = "" if fact.shape is None else f"[{', '.join(printable(str(size)) for size in fact.shape)}]"
    scale = "" if fact.scale is None else f", scale {fact.scale:.9g}, zero point {fact.zero_point or 0}"
    return f"{name}: {fact.dtype or 'tensor'}{shape}{scale}"


def tensor_lines(tensors: tuple[NamedTensor, ...]) -> Iterator[str]:
    """How many there are, and the first of them."""
    if not tensors:
        yield "none"
        return
    shown = tensors[:_SHOWN]
    values: Counter[str] = Counter()
    for tensor in tensors:
        values[tensor.dtype] += _count(tensor.shape)
    yield f"{plural(len(tensors), 'tensor')}, {plural(values.total(), 'value')} ({counts_text(values)})"
    yield from (_tensor(tensor) for tensor in shown)
    if len(tensors) > len(shown):
        yield f"and {plural(len(tensors) - len(shown), 'more tensor')} (--json lists all)"


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _tensor(tensor: NamedTensor) -> str:
    shape = ", ".join(map(str, tensor.shape))
    facts = f"{tensor.dtype}[{shape}], {size(tensor.bytes)}".replace(" ", NO_BREAK)
    return f"{printable(tensor.name)}: {facts}"

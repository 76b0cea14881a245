"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from measure import machine_text, markdown_table, megabytes

from .contenders import DYNAMIC, FLOAT, STATIC
from .rows import Row
from .subjects import subject
from .summary import Standing, in_float, standings

_ROW = (
    "format",
    "precision",
    "tool",
    "SQNR",
    "decisions",
    "task",
    "bytes",
    "of float",
    "latency",
    "of float",
    "in integers",
    "says",
)
_SUMMARY = (
    "model",
    "format",
    "best upstream for the format",
    "best upstream of any format",
    "edgeproof",
    "as accurate",
    "dynamic layers in ours",
    "decisions, upstream / edgeproof",
    "bytes, upstream / edgeproof",
    "latency / fastest as accurate",
)


def report(found: Mapping[str, Sequence[Row]], before: Mapping[str, Any]) -> str:
    """Summaries, then one table a model."""
    every = list(standings(found))
    parts = [machine_text(before)]
    for mode in (STATIC, DYNAMIC):
        parts += [f"## {mode}", _count(each := [one for one in every if one.mode == mode]), _summary(each)]
    for model, rows in found.items():
        parts += [f"## {model}", _about(model, rows), markdown_table(_ROW, [_cells(row) for row in rows])]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _count(every: Sequence[Standing]) -> str:
    asked = [each for each in every if each.took_part]
    if not asked:
        return ""
    good = f"{sum(map(_good, asked))} of {len(asked)}"
    text = f"edgeproof is at least as accurate as the best upstream tool for the format on {good} rows."
    mixed = sum(each.ours is not None and bool(each.ours.measured_layers) for each in asked)
    return f"{text} In {mixed} of them it is not static throughout (see the column)." if mixed else text


def _good(each: Standing) -> bool:
    return each.as_good is True


def _summary(every: Sequence[Standing]) -> str:
    rows = [
        (
            each.model,
            each.format,
            _best(each.best),
            _best(each.best_anywhere, with_format=True),
            _sqnr(each.ours),
            {True: "yes", False: "no", None: ""}[each.as_good],
            each.ours.measured_layers if each.ours else "",
            _pair(_decisions(each.best), _decisions(each.ours)),
            _pair(_bytes(each.best), _bytes(each.ours)),
            "-" if each.slower is None else f"{each.slower:.2f}",
        )
        for each in every
    ]
    return markdown_table(_SUMMARY, rows)


def _pair(upstream: str, ours: str) -> str:
    return f"{upstream} / {ours}"


def _best(row: Row | None, *, with_format: bool = False) -> str:
    if row is None:
        return "none works"
    return f"{_sqnr(row)}, {row.tool}" + (f" ({row.format})" if with_format else "")


def _sqnr(row: Row | None) -> str:
    return "-" if row is None or row.sqnr_db is None else f"{row.sqnr_db:.1f} dB"


def _decisions(row: Row | None) -> str:
    if row is None or (row.agreement is None and row.cosine is None):
        return "-"
    return f"cos {row.cosine:.4f}" if row.agreement is None else f"{100 * row.agreement:.1f} %"


def _bytes(row: Row | None) -> str:
    return megabytes(None if row is None else row.bytes)


def _about(model: str, rows: Sequence[Row]) -> str:
    chosen = subject(model)
    what = f"Decisions: {chosen.decision.words}." if chosen.decision else "Decisions: none, the mean cosine instead."
    constant = next((row.constant for row in rows if row.constant is not None), None)
    if constant is not None:
        what += f" Always giving the most common one would agree in {100 * constant:.1f} %."
    if chosen.sample:
        what += f" Task: {chosen.sample.metric.name}."
    return what


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.format,
        row.mode,
        row.tool,
        _sqnr(row),
        _decisions(row),
        "-" if row.task is None else f"{row.task:.3f}",
        _bytes(row),
        "-" if row.size_of_float is None else f"{row.size_of_float:.2f}",
        "-" if row.milliseconds is None else f"{row.milliseconds:.3g} ms",
        "-" if row.latency_of_float is None else f"{row.latency_of_float:.2f}",
        "-" if row.integers is None or row.mode == FLOAT else f"{100 * row.integers:.0f} %",
        _one_line(row.failure or row.note or _remark(row)),
    )


def _remark(row: Row) -> str:
    return "quantises next to nothing" if row.mode != FLOAT and in_float(row) else ""


def _one_line(text: str) -> str:
    """A cell: the first line, which says what; what follows it are details."""
    first, _, rest = text.partition("\n")
    return first.replace("|", "/") + (" ..." if rest else "")

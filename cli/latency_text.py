"""A latency report for people: the table, what went wrong, the advice, and what it was measured on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..validators.latency.report import Advice, AdviceKind, LatencyReport, LatencyRow, Measured
from ..validators.latency.spread import Difference, Spread
from ..validators.reports.wording import NO_FIGURE, size
from .wording import plural, printable, printable_lines

_WIDE = 160
_ROOMY = 110
_STYLES = {Difference.FASTER: "green", Difference.SLOWER: "red", Difference.NONE: ""}


def write_latency(report: LatencyReport) -> None:
    """Write the report to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)
    console.print(latency_table(report, width=console.width))
    console.print()
    for line in explanations(report):
        # What may be copied, commands and paths, is left in one piece.
        console.print(line, soft_wrap=line.plain.startswith(("fix:", "log:")))


def latency_table(report: LatencyReport, *, width: int) -> Table:
    """One row per artifact and number of threads, closer together where the terminal has less than 110 columns."""
    table = Table(box=None, padding=(0, 2 if width >= _ROOMY else 1, 0, 0), pad_edge=False, header_style="bold")
    for name in ("format", "precision"):
        table.add_column(name, overflow="fold", vertical="bottom")
    for name in ("threads", "median\nms", "quartiles\nms", "times\nfloat"):
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    for name in ("bytes", "of\nfloat", "SQNR", "in\nintegers", "memory"):
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    for row in report.rows:
        table.add_row(row.format, row.precision, str(row.threads), *_times(row), *_facts(row))
    return table


def explanations(report: LatencyReport) -> Iterator[Text]:
    """Everything below the table."""
    yield from _failures(report.rows)
    for advice in report.advice:
        yield from _advice(advice)
    yield _labelled("note", _conditions(report))


def _times(row: LatencyRow) -> tuple[str | Text, ...]:
    if row.milliseconds is None:
        return Text(row.status, style="red"), NO_FIGURE, NO_FIGURE
    against = row.against_float
    times = NO_FIGURE if against is None else f"{against.times:.2f}"
    style = _STYLES[against.difference] if against else ""
    return _figure(row.milliseconds.median), _quartiles(row.milliseconds), Text(times, style=style)


def _facts(row: LatencyRow) -> tuple[str, ...]:
    return (
        size(row.bytes),
        NO_FIGURE if row.of_float is None else f"{row.of_float:.2f}",
        NO_FIGURE if row.sqnr_db is None else f"{row.sqnr_db:.1f} dB",
        NO_FIGURE if row.integer_share is None else f"{100 * row.integer_share:.0f} %",
        size(row.memory),
    )


def _quartiles(spread: Spread) -> str:
    return f"{_figure(spread.first_quartile)} to {_figure(spread.third_quartile)}"


def _figure(milliseconds: float) -> str:
    """Three digits, as many as a time is worth."""
    places = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1
    return f"{milliseconds:.{places}f}"


def _failures(rows: tuple[LatencyRow, ...]) -> Iterator[Text]:
    """Each reason once, whatever the number of threads."""
    shown: set[tuple[str, str]] = set()
    for row in rows:
        if row.status is Measured.MEASURED or (row.file, row.reason) in shown:
            continue
        shown.add((row.file, row.reason))
        heading = Text(row.status, style="red")
        yield heading.append(f" {row.format} {row.precision}: {printable_lines(row.reason)}", style="default")
        yield _labelled("fix", row.fix)
        if row.log:
            yield _labelled("log", row.log)


def _advice(advice: Advice) -> Iterator[Text]:
    line = Text()
    label = advice.format or "all formats"
    line.append(f"{label}:", style="bold green" if advice.kind is AdviceKind.BEST else "bold")
    yield line.append(f" {printable(advice.text)}")
    for reason in advice.reasons:
        yield Text(f"  because {printable(reason.text)}")


def _conditions(report: LatencyReport) -> str:
    kind = "real" if report.real_calls else "generated"
    stored = f"on {plural(report.calls, f'stored {kind} call')}, in {plural(report.rounds, 'round')} of new processes"
    machine = f"{report.processor.name}, {plural(report.processors, 'processor')}"
    load = "" if report.load is None else f", load average before {report.load:.2f}"
    return f"{stored}; {machine}{load}"


def _labelled(label: str, text: str) -> Text:
    line = Text()
    line.append(f"{label}:", style="bold")
    return line.append(f" {printable_lines(text)}")

"""The result of a run on stdout: a table for people, JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..converters.precision import Precision
from ..validators.baseline import Comparison
from ..validators.parity import ParityReport, ParityRow, Status, Verdict
from ..validators.reports.wording import NO_FIGURE, hop_text, notes_on, size, sqnr
from ..validators.request import Outcome
from .wording import plural, printable, printable_lines

_WIDE = 160
_ROOMY = 90
_STYLES = {Status.PASS: "green", Status.NOT_RUN: "yellow"}
_NEVER_RAN = (Status.CONVERT_FAIL, Status.QUANTIZE_FAIL)
_SCHEMA = 1


def write_outcome(outcome: Outcome, *, as_json: bool, folder: Path | None, baseline: Comparison | None = None) -> None:
    """Write what came of a run; `folder` is where the artifacts are, as the user called it."""
    if as_json:
        sys.stdout.write(outcome_json(outcome, folder=folder, baseline=baseline))
        return
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)
    console.print(result_table(outcome, width=console.width))
    console.print(_verdict_line(outcome, folder))
    for line in details(outcome.report):
        # What may be copied, commands and paths, is left in one piece.
        console.print(line, soft_wrap=line.plain.startswith(("fix:", "log:")))


def outcome_json(outcome: Outcome, *, folder: Path | None, baseline: Comparison | None = None) -> str:
    """The outcome as JSON: the report, the manifest, the folder, where the time went, and what the baseline says."""
    document = {
        "schema": _SCHEMA,
        "verdict": outcome.report.verdict,
        "folder": str(folder) if folder else None,
        "seconds": round(outcome.seconds, 3),
        "report": outcome.report,
        "manifest": outcome.manifest,
        "timings": outcome.timings,
        "baseline": baseline,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def result_table(outcome: Outcome, *, width: int) -> Table:
    """One row per artifact and target, closer together where the terminal has less than 90 columns."""
    table = Table(box=None, padding=(0, 2 if width >= _ROOMY else 1, 0, 0), pad_edge=False, header_style="bold")
    for name in ("format", "precision", "target"):
        table.add_column(name, overflow="fold", vertical="bottom")
    rounded = any(row.precision != Precision.FP32 for row in outcome.report.results)
    figures = ("bytes", *(("of\nfp32",) if rounded else ()), "largest\ndifference", "SQNR")
    for name in (*figures, *(("decisions\nkept",) if rounded else ()), "seconds"):
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    table.add_column("verdict", no_wrap=True, vertical="bottom")
    for row in outcome.report.results:
        cells = _cells(row, outcome, rounded=rounded)
        table.add_row(*cells, Text(row.status, style=_style(row.status)))
    return table


def details(report: ParityReport) -> Iterator[Text]:
    """Notes, and for every row that did not pass its reason, what to do, and where its log is."""
    if not report.real_samples:
        yield _labelled("note", "no real samples were given: the verdict stands on generated inputs alone (--samples)")
    for note in report.notes:
        yield _labelled("note", note)
    for note, rows in _notes_by_row(report).items():
        yield _labelled("note", f"{', '.join(rows)}: {note}")
    for alike in _alike(report):
        if alike[0].status is not Status.PASS:
            yield from _explained(alike)
        for row in alike:
            yield from (Text(f"  {row.format} {row.precision}: {hop_text(hop)}") for hop in row.hops)


def largest_difference(row: ParityRow) -> str:
    """The largest absolute difference of all outputs, or a dash where nothing was compared."""
    largest = max((output.max_abs for output in row.outputs if output.max_abs is not None), default=None)
    if largest is None:
        return NO_FIGURE
    return f"{largest:.1e}" if largest else "0"


def lowest_sqnr(row: ParityRow) -> str:
    """The lowest signal-to-noise ratio of all outputs, "identical" where nothing differs at all."""
    measured = [output for output in row.outputs if output.sqnr_db is not None]
    if measured:
        return sqnr(min(measured, key=lambda output: output.sqnr_db or 0.0))
    texts = {sqnr(output) for output in row.outputs}
    return texts.pop() if len(texts) == 1 else NO_FIGURE


def decisions_kept(row: ParityRow) -> str:
    """The least share of decided rows whose largest entry stayed where it was, of all outputs that have such rows."""
    shares = [output.top1 for output in row.outputs if output.top1 is not None]
    return f"{100 * min(shares):.1f} %" if shares else NO_FIGURE


def _cells(row: ParityRow, outcome: Outcome, *, rounded: bool) -> tuple[str, ...]:
    seconds = _seconds_of(row, outcome)
    return (
        row.format,
        row.precision,
        row.target,
        size(row.bytes),
        *((_of_float(row, outcome),) if rounded else ()),
        largest_difference(row),
        lowest_sqnr(row),
        *((decisions_kept(row),) if rounded else ()),
        NO_FIGURE if seconds is None else f"{seconds:.1f}",
    )


def _of_float(row: ParityRow, outcome: Outcome) -> str:
    """The size as a share of the same format's float32 artifact."""
    sizes = (
        other.bytes
        for other in outcome.report.results
        if other.format == row.format and other.precision == Precision.FP32
    )
    whole = next(sizes, None)
    return f"{row.bytes / whole:.2f}" if whole and row.bytes and row.precision != Precision.FP32 else NO_FIGURE


def _seconds_of(row: ParityRow, outcome: Outcome) -> float | None:
    """What the row cost: making the artifact and running it on the host, or running it elsewhere."""
    if row.target != "host":
        return row.seconds
    titles = {f"{row.format} {row.precision}", f"run {row.format} {row.precision}"}
    spent = [timing.wall_seconds for timing in outcome.timings if timing.title in titles]
    return sum(spent) if spent else row.seconds


def _verdict_line(outcome: Outcome, folder: Path | None) -> Text:
    report = outcome.report
    passed = sum(row.status is Status.PASS for row in report.results)
    what = "artifact" if len({row.target for row in report.results}) == 1 else "run"
    line = Text("\n")
    line.append(report.verdict, style=f"bold {_style(report.verdict)}")
    line.append(f"  {passed} of {plural(len(report.results), what)} passed, {outcome.seconds:.1f} s")
    if folder is not None:
        line.append(f", {_relative(folder)}")
    return line


def _relative(folder: Path) -> str:
    """The folder as it is shortest to type from here."""
    inside = os.path.relpath(folder)
    return printable(str(folder) if inside.startswith("..") else inside)


def _notes_by_row(report: ParityReport) -> dict[str, list[str]]:
    """Notes of rows and of their outputs, each once, with the rows that have it."""
    found: dict[str, dict[str, set[str]]] = {}
    for row in report.results:
        for note in dict.fromkeys((*notes_on(row), *(note for output in row.outputs for note in output.notes))):
            found.setdefault(note, {}).setdefault(f"{row.format} {row.precision}", set()).add(row.target)
    targets = {row.target for row in report.results}
    return {note: [_with_targets(name, on, targets) for name, on in rows.items()] for note, rows in found.items()}


def _with_targets(name: str, on: set[str], targets: set[str]) -> str:
    """The artifact, and where, unless it is said of all targets."""
    return name if on == targets else f"{name} on {', '.join(sorted(on))}"


def _alike(report: ParityReport) -> list[list[ParityRow]]:
    """The rows in their order; those that ended the same way and for one reason stand together."""
    groups: dict[tuple[str, ...], list[ParityRow]] = {}
    for row in report.results:
        apart = () if row.reason else (row.file, row.target)
        groups.setdefault((row.status, row.reason, row.fix, row.log or "", *apart), []).append(row)
    return list(groups.values())


def _explained(rows: list[ParityRow]) -> Iterator[Text]:
    """What became of rows that ended alike."""
    row = rows[0]
    heading = Text("\n")
    heading.append(row.status, style=_style(row.status))
    names = dict.fromkeys(f"{each.format} {each.precision}" for each in rows)
    places = dict.fromkeys(each.target for each in rows)
    place = "" if row.status in _NEVER_RAN else f" on {', '.join(places)}"
    heading.append(f" {', '.join(names)}{place}: {printable_lines(row.reason)}")
    yield heading
    if row.fix:
        yield _labelled("fix", row.fix)
    if row.log:
        yield _labelled("log", row.log)


def _labelled(label: str, text: str) -> Text:
    line = Text()
    line.append(f"{label}:", style="bold")
    return line.append(f" {printable_lines(text)}")


def _style(status: Status | Verdict) -> str:
    return _STYLES.get(Status(status), "red")

"""The report as Markdown, for a pull request, a job summary or a README."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..parity import ParityReport, ParityRow, Status
from .wording import (
    NO_FIGURE,
    caveats,
    facts_of_micro_edge,
    figure,
    headline,
    limits,
    milliseconds,
    printable,
    size,
    sqnr,
    versions,
    worst_output,
)

_MARKS = {Status.PASS: "✅", Status.NOT_RUN: "⚠️"}
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~&!@])")


def markdown(report: ParityReport) -> str:
    """The Markdown text: verdict, one table row per artifact and target, then what went wrong and the origin."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ParityReport) -> Iterator[str]:
    yield f"## {report.verdict}: {plain(headline(report))}"
    yield ""
    for caveat in caveats(report):
        yield f"> {plain(caveat)}"
        yield ""
    if report.results:
        yield "| artifact | target | verdict | largest difference / scale | SQNR | size | per call |"
        yield "|---|---|---|---:|---:|---:|---:|"
        yield from (_table_row(row) for row in report.results)
        yield ""
    for row in report.results:
        yield from (f"- {code(row.file)}: {plain(fact)}" for fact in facts_of_micro_edge(row))
    if any(facts_of_micro_edge(row) for row in report.results):
        yield ""
    for row in report.results:
        yield from _problems(row)
    yield from _origin(report)


def _table_row(row: ParityRow) -> str:
    worst = worst_output(row)
    cells = (
        code(row.file),
        plain(row.target),
        f"{_MARKS.get(row.status, '❌')} {plain(row.status)}",
        figure(worst.max_rel_to_scale if worst else None),
        sqnr(worst) if worst else NO_FIGURE,
        size(row.bytes),
        milliseconds(row.ms_per_call),
    )
    return f"| {' | '.join(cells)} |"


def _problems(row: ParityRow) -> Iterator[str]:
    if row.status is Status.PASS:
        return
    yield f"### {code(row.file)} on {plain(row.target)}: {plain(row.status)}"
    yield ""
    if row.reason not in {output.reason for output in row.outputs}:
        yield plain(row.reason)
        yield ""
    yield from (f"- {code(finding.code)} {plain(finding.reason)}" for finding in row.findings)
    for output in row.outputs:
        yield from (f"- {code(finding.code)} {plain(finding.reason)}" for finding in output.findings)
        if output.findings:
            yield from (f"  - {plain(limit)}" for limit in limits(output))
    if row.fix:
        yield f"- **fix:** {plain(row.fix)}"
    if row.log:
        yield f"- log: {code(row.log)}"
    yield ""


def _origin(report: ParityReport) -> Iterator[str]:
    yield "<details><summary>Origin</summary>"
    yield ""
    yield f"- source {plain(report.source)}, sha256 {code(report.source_sha256)}"
    kind = "with the user's own" if report.real_samples else "all generated"
    yield f"- {report.samples} samples ({kind}), seed {report.seed}, sha256 {code(report.samples_sha256)}"
    yield f"- processor {plain(report.processor.name)}: {plain(' '.join(report.processor.features))}"
    yield f"- edgeproof {plain(report.edgeproof)}"
    for row in report.results:
        if versions(row):
            yield f"- {code(row.file)}: {plain(versions(row))}, sha256 {code(row.sha256 or NO_FIGURE)}"
    yield ""
    yield "</details>"


def plain(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return _ACTIVE.sub(r"\\\1", " ".join(printable(text).split()))


def code(text: str) -> str:
    """Text in code style; a backtick or a bar inside it would end it, so they are replaced."""
    return f"`{' '.join(printable(text).split()).replace('`', chr(0x02CB)).replace('|', chr(0x00A6))}`"

"""The report as plain text, for whoever reads why a test failed."""

from __future__ import annotations

from collections.abc import Iterator

from ..parity import Element, ParityReport, ParityRow, Status, TensorParity
from .wording import caveats, figure, headline, limits, printable, share, sqnr


def failure_text(report: ParityReport) -> str:
    """What did not pass: every such row with its reason, its outputs' figures and limits, and what to do."""
    lines = [f"{report.verdict}: {headline(report)}", *caveats(report)]
    for row in report.results:
        if row.status is not Status.PASS:
            lines.extend(_row_lines(row))
    return printable("\n".join(lines))


def _row_lines(row: ParityRow) -> Iterator[str]:
    code = f" ({row.code})" if row.code else ""
    yield f"{row.status} {row.file} on {row.target}{code}: {row.reason or 'no reason was given'}"
    yield from (f"  {one.code}: {one.reason}" for one in row.findings if one.reason != row.reason)
    for output in row.outputs:
        if output.status is not Status.PASS:
            yield from (f"  {line}" for line in _output_lines(output, told=row.reason))
    if row.fix:
        yield f"  fix: {row.fix}"
    if row.log:
        yield f"  log: {row.log}"


def _output_lines(output: TensorParity, *, told: str) -> Iterator[str]:
    yield f"output {output.name!r}: {output.status} over {output.calls} calls"
    yield from (f"  {one.code}: {one.reason}" for one in output.findings if one.reason != told)
    yield from (f"  {limit}" for limit in limits(output))
    yield f"  largest difference {figure(output.max_abs)}, rms {figure(output.rms)}, SQNR {sqnr(output)}"
    if output.top1 is not None:
        yield f"  decisions kept {share(output.top1)} of {output.top1_rows}"
    if output.worst is not None:
        yield f"  {_worst(output.worst)}"


def _worst(element: Element) -> str:
    return (
        f"furthest off: call {element.call}, {list(element.index)}: "
        f"the source has {element.reference}, the artifact {element.actual}"
    )

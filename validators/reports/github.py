"""The report as workflow commands of GitHub Actions, which become annotations of the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from ..parity import Finding, ParityReport, ParityRow, Status
from ..regressions import Regression
from .markdown import markdown, plain
from .wording import caveats, headline, printable

_TITLE = "edgeproof"


class Level(StrEnum):
    """How an annotation is shown."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


def annotation(level: Level, title: str, message: str) -> str:
    """One workflow command on one line, whatever the texts hold."""
    return f"::{level} title={_property(title)}::{_data(message)}"


def commands_of(report: ParityReport, regressions: Sequence[Regression] = ()) -> Iterator[str]:
    """One annotation for each row that is no PASS and for each regression, and a notice that sums up.

    A row that was not judged is a warning, a report without rows an error: neither may look like a pass.
    """
    yield from (_of_row(row) for row in report.results if row.status is not Status.PASS)
    for one in regressions:
        yield annotation(Level.ERROR, f"{_TITLE}: worse than the baseline", one.sentence)
    summary = " ".join([f"{headline(report)}.", *caveats(report)])
    yield annotation(Level.NOTICE if report.results else Level.ERROR, f"{_TITLE}: {report.verdict}", summary)


def summary_text(report: ParityReport, regressions: Sequence[Regression] = ()) -> str:
    """The Markdown for the job's summary: the report, and before it what is worse than the baseline."""
    if not regressions:
        return markdown(report)
    worse = "\n".join(f"- {plain(one.sentence)}" for one in regressions)
    return f"## Worse than the baseline\n\n{worse}\n\n{markdown(report)}"


def _of_row(row: ParityRow) -> str:
    level = Level.WARNING if row.status is Status.NOT_RUN else Level.ERROR
    title = f"{_TITLE}: {row.status} {row.file} on {row.target}"
    reasons = dict.fromkeys(finding.reason for finding in _findings(row))
    lines = [row.reason, *(reason for reason in reasons if reason != row.reason)]
    if row.fix:
        lines.append(f"fix: {row.fix}")
    return annotation(level, title, "\n".join(line for line in lines if line) or row.status.value)


def _findings(row: ParityRow) -> Iterator[Finding]:
    yield from row.findings
    for output in row.outputs:
        yield from output.findings


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

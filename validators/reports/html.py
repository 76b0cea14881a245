"""The report as one HTML file that needs nothing beside it: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable

from ..parity import Finding, ParityReport, ParityRow, Status, TensorParity
from .html_style import STYLE
from .markup import escape, with_own_names
from .plotted import plots_of, plots_of_all
from .wording import (
    NO_FIGURE,
    beside_text,
    caveats,
    figure,
    headline,
    hop_text,
    limits,
    milliseconds,
    share,
    size,
    sqnr,
    versions,
    worst_output,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_OVERVIEW = ("Artifact", "Target", "Verdict", "Largest difference / scale", "SQNR", "Size", "Per call")
_FIGURES = ("Output", "Verdict", "Largest difference", "/ scale", "RMS / scale", "SQNR", "Cosine", "Top-1")


def html(report: ParityReport) -> str:
    """The HTML text; everything that came from elsewhere is escaped."""
    details = (_details(place, row) for place, row in enumerate(report.results))
    body = "\n".join((_head(report), _overview(report), *details, _origin(report)))
    return page(f"{report.verdict}: {report.source}", body)


def page(title: str, body: str) -> str:
    """A whole page that may fetch nothing and run nothing."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{with_own_names(body)}\n</main>\n</body>\n</html>\n"
    )


def _head(report: ParityReport) -> str:
    notes = "".join(f'<p class="caveat">{escape(caveat)}</p>\n' for caveat in caveats(report))
    return (
        f"<h1>{_badge(report.verdict)} {escape(report.source)}</h1>\n"
        f'<p class="soft">{escape(headline(report))}</p>\n{notes}'
    )


def _overview(report: ParityReport) -> str:
    if not report.results:
        return ""
    rows = (_overview_row(place, row) for place, row in enumerate(report.results))
    return table("Every artifact on every target", _OVERVIEW, 3, rows) + plots_of_all(report.results)


def _overview_row(place: int, row: ParityRow) -> str:
    worst = worst_output(row)
    numbers = (
        figure(worst.max_rel_to_scale if worst else None),
        sqnr(worst) if worst else NO_FIGURE,
        size(row.bytes),
        milliseconds(row.ms_per_call),
    )
    return (
        f'<tr><th scope="row"><a href="#row-{place}"><code>{escape(row.file)}</code></a></th>'
        f"<td>{escape(row.target)}</td><td>{_badge(row.status)}</td>{_numbers(numbers)}</tr>"
    )


def _details(place: int, row: ParityRow) -> str:
    is_open = "" if row.status is Status.PASS else " open"
    said = {output.reason for output in row.outputs}
    reason = f"<p>{escape(row.reason)}</p>\n" if row.reason and row.reason not in said else ""
    parts = (
        reason,
        _findings(row.findings),
        "".join(_output(output) for output in row.outputs if output.findings or output.notes),
        f"<p><strong>fix:</strong> {escape(row.fix)}</p>\n" if row.fix else "",
        _figures(row),
        _hops(row),
        plots_of(row),
        _facts(row),
    )
    return (
        f'<details id="row-{place}"{is_open}>\n<summary>{_badge(row.status)} <code>{escape(row.file)}</code> '
        f"on {escape(row.target)}</summary>\n<div>\n{''.join(parts)}</div>\n</details>"
    )


def _output(output: TensorParity) -> str:
    figures = "".join(f"<li>{escape(limit)}</li>" for limit in limits(output))
    notes = "".join(f'<p class="soft">{escape(note)}</p>\n' for note in output.notes)
    evidence = f"<ul>{figures}</ul>\n" if output.findings else ""
    return f"<h3>{escape(output.name)}</h3>\n{_findings(output.findings)}{evidence}{notes}"


def _findings(findings: Iterable[Finding]) -> str:
    items = "".join(f"<li><code>{escape(one.code)}</code> {escape(one.reason)}</li>" for one in findings)
    return f"<ul>{items}</ul>\n" if items else ""


def _figures(row: ParityRow) -> str:
    if not row.outputs:
        return ""
    return table(f"Figures over {row.samples} samples", _FIGURES, 2, map(_figures_row, row.outputs))


def _figures_row(output: TensorParity) -> str:
    numbers = (
        figure(output.max_abs),
        figure(output.max_rel_to_scale),
        figure(output.rms_rel_to_scale),
        sqnr(output),
        share(output.cosine),
        share(output.top1),
    )
    shape = ", ".join(map(str, output.shape or ()))
    kind = f'<br><span class="soft">{escape(output.dtype or "")}[{escape(shape)}]</span>' if output.dtype else ""
    return (
        f'<tr><th scope="row"><code>{escape(output.name)}</code>{kind}</th>'
        f"<td>{_badge(output.status)}</td>{_numbers(numbers)}</tr>"
    )


def _hops(row: ParityRow) -> str:
    steps = "".join(f"<li>{escape(hop_text(hop))}</li>" for hop in row.hops)
    return f"<h3>Step by step</h3>\n<ul>{steps}</ul>\n" if steps else ""


def _facts(row: ParityRow) -> str:
    facts = {
        "Format": f"{row.format}, {row.precision}" + (f", {row.backend}" if row.backend else ""),
        "Versions": versions(row),
        "Estimate": row.estimate.text if row.estimate else "",
        "Limits": row.policy or "",
        "Processor": f"{row.processor.name}: {' '.join(row.processor.features)}" if row.processor else "",
        "Beside the host": beside_text(row.beside) if row.beside else "",
        "SHA-256": row.sha256 or "",
        "Log": row.log or "",
        "Notes": "; ".join(row.notes),
    }
    return _list(facts)


def _origin(report: ParityReport) -> str:
    kind = "the user's own among them" if report.real_samples else "all generated"
    facts = {
        "Source": report.source,
        "Source SHA-256": report.source_sha256,
        "Samples": f"{report.samples}, {kind}, seed {report.seed}",
        "Samples SHA-256": report.samples_sha256,
        "Processor": f"{report.processor.name} ({report.processor.machine})",
        "Its features": " ".join(report.processor.features),
        "edgeproof": report.edgeproof,
    }
    return f"<h2>Origin</h2>\n{_list(facts)}"


def _list(facts: dict[str, str]) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in facts.items() if value)
    return f"<dl>\n{items}</dl>\n"


def table(caption: str, headings: Iterable[str], first_number: int, rows: Iterable[str]) -> str:
    """A table that scrolls sideways on its own; columns from `first_number` on hold numbers."""
    head = "".join(
        f'<th scope="col"{" class=number" if place >= first_number else ""}>{escape(text)}</th>'
        for place, text in enumerate(headings)
    )
    label = escape(caption)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{label}">\n<table>\n<caption>{label}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>\n</div>\n"
    )


def _numbers(texts: Iterable[str]) -> str:
    return "".join(f'<td class="number">{escape(text)}</td>' for text in texts)


def _badge(status: str) -> str:
    """A verdict as a word on a colour: the word alone says it."""
    kind = {"PASS": "pass", "NOT_RUN": "open"}.get(status, "fail")
    return f'<span class="badge {kind}">{escape(status)}</span>'

"""What a bundle's commands say on stdout: what was made, what verifying found, what changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ..validators.bundle.changes import Change
from ..validators.bundle.difference import BundleDiff
from ..validators.bundle.making import Made
from ..validators.bundle.verification import BundleVerdict, Signed
from ..validators.parity import Verdict
from ..validators.reports.wording import size
from ..validators.request import Outcome
from .output import details, result_table
from .wording import plural, printable

_WIDE = 160


def write_made(made: Made) -> None:
    """Write what went into a bundle and what did not."""
    console = _console()
    content = made.manifest
    for artifact in content.artifacts:
        needs = f"{artifact.needs.runtime} {artifact.needs.least}"
        told = f"{artifact.file}: {size(artifact.bytes)}, {needs} or newer, for {', '.join(artifact.platforms)}"
        console.print(Text(printable(told + (" (allowed without a PASS)" if artifact.allowed else ""))))
    for line in made.left_out:
        console.print(Text(f"note: {printable(line)}"), soft_wrap=True)
    for line in _missing(made):
        console.print(Text(f"note: {line}"), soft_wrap=True)
    samples = len(content.artifacts[0].golden) if content.artifacts else 0
    signed = "signed" if made.signed else "not signed"
    told = f"{plural(len(content.artifacts), 'artifact')}, {plural(samples, 'golden sample')}, {signed}"
    console.print(Text(f"\n{made.archive}: {size(made.bytes)}, {told}"), soft_wrap=True)
    console.print(Text(f"SHA-256 {made.sha256}"), soft_wrap=True)


def _missing(made: Made) -> Iterator[str]:
    """What an app team would still have to ask for."""
    content = made.manifest
    if not content.real_samples:
        yield "no real samples were given to convert: the golden input is a generated one (--samples)"
    if content.preprocessing is None:
        yield "how inputs are made is not stated (--preprocess, docs/preprocessing.md)"
    elif not content.preprocessing.proven:
        yield "the preprocessing is stated and not proven: convert was given arrays, and not files that it reads"
    if content.labels is None:
        yield "there are no labels (--labels)"
    if content.license is None:
        yield "no licence is stated (--license)"


def write_verdict(verdict: BundleVerdict) -> None:
    """Write what verifying a bundle found."""
    console = _console()
    console.print(result_table(Outcome(folder=None, manifest=None, report=verdict.report), width=console.width))
    for line in details(verdict.report):
        console.print(line, soft_wrap=line.plain.startswith(("fix:", "log:")))
    signature = {
        Signed.VERIFIED: "signed by the owner of the key",
        Signed.NOT_CHECKED: "signed, and not checked by whom (--key)",
        Signed.NONE: "not signed",
    }[verdict.signature]
    console.print(Text(f"\n{plural(verdict.files, 'file')}, each byte as it was packed; {signature}"))
    made = verdict.preprocessing
    if made is not None and made.not_run:
        console.print(Text(f"NOT_RUN preprocessing: {made.not_run}\nfix: {made.fix}"), soft_wrap=True)
    elif made is not None:
        console.print(Text(f"preprocessing {plural(made.samples, 'sample')} again gave the same bits"))
    incomplete = verdict.exit_code and verdict.report.verdict is Verdict.PASS
    style = "bold green" if verdict.exit_code == 0 else "bold red"
    passed = sum(row.status == "PASS" for row in verdict.report.results)
    line = Text(Verdict.NOT_RUN if incomplete else verdict.report.verdict, style=style)
    runs = plural(len(verdict.report.results), "run")
    console.print(
        line.append(
            f"  {passed} of {runs} passed, {printable(f'{verdict.name} {verdict.version}')}", style="not bold default"
        )
    )


def write_difference(found: BundleDiff) -> None:
    """Write what changed, the breaking changes first."""
    console = _console()
    for change in found.changes:
        line = Text("breaking " if change.breaking else "harmless ", style="bold red" if change.breaking else "green")
        console.print(line.append(printable(_change_text(change)), style="not bold default"), soft_wrap=True)
    breaking = sum(change.breaking for change in found.changes)
    told = f"{plural(breaking, 'breaking change')}, {plural(len(found.changes) - breaking, 'harmless one')}"
    console.print(Text(f"{printable(found.old)} to {printable(found.new)}: {told}"))


def _change_text(change: Change) -> str:
    place = f"{change.artifact} " if change.artifact else ""
    values = f" ({change.old} before, {change.new} now)" if change.old or change.new else ""
    return f"[{change.topic}] {place}{change.what}{values}"


def _console() -> Console:
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)

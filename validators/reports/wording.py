"""The figures and sentences that every form of the report shares."""

from __future__ import annotations

import re

from ...converters.micro_backends import how_judged
from ..parity import Check, ParityReport, ParityRow, Status, TensorParity, Verdict
from ..steps import Beside, Hop

NO_FIGURE = "\N{EN DASH}"
# What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets), and no reader wants to see.
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\x7f")
_UNITS = ("B", "KiB", "MiB", "GiB")


def printable(text: str) -> str:
    """The text with control characters and lone surrogates replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def headline(report: ParityReport) -> str:
    """The whole report in one sentence."""
    total = len(report.results)
    if total == 0:
        return "Nothing was judged"
    passed = sum(row.status is Status.PASS for row in report.results)
    targets = len({row.target for row in report.results})
    artifacts = len({row.file for row in report.results})
    if report.verdict is Verdict.PASS:
        where = f", on all {targets} targets" if targets > 1 else ""
        if artifacts == 1:
            return f"The artifact passed{where}"
        return f"All {artifacts} artifacts compute what {report.source} computes{where}"
    return f"{passed} of {total} {'artifacts' if targets == 1 else 'runs'} passed"


def caveats(report: ParityReport) -> list[str]:
    """What a reader has to know before trusting the verdict."""
    found: list[str] = []
    if not report.real_samples:
        found.append("Judged on generated inputs alone: real samples (--samples) say more.")
    return [*found, *report.notes]


def notes_on(row: ParityRow) -> list[str]:
    """What a reader should know of a row, an estimate of its compiler's among it."""
    return [*row.notes, *((row.estimate.text,) if row.estimate else ())]


def facts_of_micro_edge(row: ParityRow) -> list[str]:
    """What computed in place of a micro-edge processor, and what its compiler expects; nothing for other rows."""
    judged = how_judged(row.backend, row.format) if row.outputs else ()
    return [*judged, *((row.estimate.text,) if row.estimate else ())]


def figure(value: float | None) -> str:
    """A measured number in few characters."""
    return NO_FIGURE if value is None else f"{value:.3g}"


def sqnr(output: TensorParity) -> str:
    """The signal-to-noise ratio with its unit, or why there is none."""
    if output.sqnr_db is not None:
        return f"{output.sqnr_db:.1f} dB"
    return "identical" if output.max_abs == 0.0 and output.calls else NO_FIGURE


def share(value: float | None) -> str:
    """A cosine or an agreement; what is nearly one is shown as its distance from one."""
    if value is None:
        return NO_FIGURE
    distance = 1.0 - value
    rounding = 1e-14
    return f"1 - {distance:.1g}" if rounding < distance < 1e-4 else f"{value:.4f}".rstrip("0").rstrip(".")


def beside_text(beside: Beside) -> str:
    """How far a target is from the host."""
    if not beside.different:
        return f"the same bits in all {beside.elements} numbers"
    sizes = (
        NO_FIGURE if beside.max_abs is None else f"{beside.max_abs:.2g}",
        *(() if beside.steps is None else (f"{beside.steps:.2g} LSB",)),
        *(() if beside.noise_ratio is None else (f"{beside.noise_ratio:.2g} x the noise floor",)),
    )
    return f"{beside.different} of {beside.elements} numbers differ, by at most {', '.join(sizes)}"


def worst_output(row: ParityRow) -> TensorParity | None:
    """The output to look at first: one that failed, else the one furthest off for its scale."""
    return max(row.outputs, key=_badness, default=None)


def _badness(output: TensorParity) -> tuple[bool, bool, float]:
    return output.status is not Status.PASS, output.max_rel_to_scale is None, output.max_rel_to_scale or 0.0


def size(count: int | None) -> str:
    """A number of bytes, readable."""
    if count is None:
        return NO_FIGURE
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def milliseconds(value: float | None) -> str:
    """A duration per call."""
    return NO_FIGURE if value is None else f"{value:.3g} ms"


def hop_text(hop: Hop) -> str:
    """One step between source and artifact, with its error."""
    mark = ": more than a correct step makes" if hop.exceeds else ""
    return f"{hop.start} -> {hop.end}: {hop.ratio:.3g} {hop.unit}{mark}"


def versions(row: ParityRow) -> str:
    """Who made the artifact and who ran it."""
    made = ", ".join(f"{name} {version}" for name, version in row.made_by.items())
    ran = ", ".join(f"{name} {version}" for name, version in row.run_by.items())
    return "; ".join(part for part in (made and f"made by {made}", ran and f"run by {ran}") if part)


def limits(output: TensorParity) -> list[str]:
    """Each figure beside its limit, and the smallest limit that would have passed."""
    return [_limit(check) for check in output.checks]


def _limit(check: Check) -> str:
    value = "not measurable" if check.value is None else figure(check.value)
    advice = "" if check.passed or check.would_pass is None else f" (would pass at {check.would_pass:g})"
    return f"{check.quantity} {value}, limit {check.limit:g}{advice}"

"""A run beside its baseline, for people."""

from __future__ import annotations

from collections.abc import Iterator

from ..validators.baseline import Comparison, Written
from .wording import plural, printable_lines

_WRITTEN = {
    Written.CREATED: "was created",
    Written.TIGHTENED: "was tightened by what is better",
    Written.REPLACED: "was replaced",
    Written.UNCHANGED: "is left as it is, because nothing is better",
}


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """What is worse, what was written, and what to do."""
    worse = comparison.regressions
    said = f"{plural(len(worse), 'thing')} {'is' if len(worse) == 1 else 'are'} worse" if worse else "nothing is worse"
    if comparison.existed:
        yield f"baseline: {said} than in {printable_lines(comparison.file)}"
    if comparison.written is not None:
        yield f"baseline: {printable_lines(comparison.file)} {_WRITTEN.get(comparison.written) or _kept(comparison)}"
    yield from (f"note: {printable_lines(note)}" for note in comparison.notes)
    label = "accepted" if comparison.accepted else "WORSE"
    yield from (f"{label} {printable_lines(one.sentence)}" for one in worse)
    if comparison.exit_code:
        yield "fix: make it as good again, or if the change is meant: --update-baseline replace"


def _kept(comparison: Comparison) -> str:
    what = "is left as it is" if comparison.existed else "was not created"
    return f"{what}, because the run {'is worse' if comparison.regressions else 'did not pass'}"

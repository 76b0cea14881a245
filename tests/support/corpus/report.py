"""Counts what became of the corpus, and keeps what must not have happened."""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from .case import Canaries, Case
from .trial import BAD, DIED, Verdict

_ORDER = ("loaded", "refused (exit 2)", "failed (exit 3)", "unsafe (exit 5)", DIED, *BAD)
_MOST_SHOWN = 40


class Report:
    """What happened so far."""

    def __init__(self, *, seed: int, first: int, canaries: Canaries, failures: Path | None) -> None:
        self._seed, self._first, self._canaries, self._failures = seed, first, canaries, failures
        self._started = time.monotonic()
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._kept: list[Verdict] = []
        self._slowest: list[Verdict] = []
        self._lost: list[str] = []
        self._fired: set[str] = set()
        self.total = 0

    def add(self, verdicts: Sequence[Verdict], cases: Sequence[Case]) -> None:
        """Count the verdicts of a batch of cases; a case without one is lost."""
        self.total += len(cases)
        judged = {verdict.case.name for verdict in verdicts}
        self._lost += [case.name for case in cases if case.name not in judged]
        for verdict in verdicts:
            self._counts[verdict.case.kind][verdict.outcome] += 1
            if verdict.outcome in BAD or verdict.outcome == DIED:
                self._keep(verdict)
        self._slowest = sorted((*self._slowest, *verdicts), key=lambda verdict: -verdict.seconds)[:3]
        self._fired.update(self._canaries.fired())

    @property
    def bad(self) -> bool:
        """Whether anything happened that must not; a worker that died is reported, and is no such thing."""
        return bool(self._fired or self._lost or any(verdict.outcome in BAD for verdict in self._kept))

    def outcomes(self) -> Counter[str]:
        """How often each outcome was met."""
        return sum(self._counts.values(), Counter[str]())

    def line(self) -> str:
        """How far it is."""
        counts = self.outcomes()
        shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _ORDER if counts[outcome])
        return f"{time.monotonic() - self._started:6.0f} s  {self.total:6} inputs: {shown}"

    def text(self) -> str:
        """The whole report."""
        headings = [outcome for outcome in _ORDER if self.outcomes()[outcome] or outcome in (*BAD, DIED)]
        rows = [("kind", "inputs", *headings)]
        for kind in sorted(self._counts):
            counts = self._counts[kind]
            rows.append((kind, str(counts.total()), *(str(counts[heading] or "-") for heading in headings)))
        total = self.outcomes()
        rows.append(("all", str(total.total()), *(str(total[heading]) for heading in headings)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(
                (row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)))
            )
            for row in rows
        ]
        lines += ["", f"canaries fired: {len(self._fired)} {sorted(self._fired) or ''}".rstrip()]
        lines += [f"without a verdict: {len(self._lost)} {self._lost[:5] or ''}".rstrip()]
        lines += [f"seed {self._seed}, from {self._first}, {time.monotonic() - self._started:.0f} s"]
        lines += [_line(verdict) for verdict in self._kept[:_MOST_SHOWN]]
        return _printable("\n".join((*lines, "")))

    def failures(self) -> list[str]:
        """What must not have happened, in words."""
        kept = [_line(each) for each in self._kept if each.outcome in BAD]
        return [*kept, *(f"fired: {name}" for name in sorted(self._fired)), *(f"lost: {name}" for name in self._lost)]

    def _keep(self, verdict: Verdict) -> None:
        self._kept.append(verdict)
        if self._failures is None:
            return
        place = self._failures / f"{len(self._kept):03d}-{verdict.outcome.replace(' ', '-').lower()}"
        place.mkdir(parents=True, exist_ok=True)
        for path in (verdict.case.path, Path(verdict.case.model or ".")):
            if self._canaries.watched.parent not in path.parents:
                continue
            if path.is_dir():
                shutil.copytree(path, place / path.name, symlinks=True, dirs_exist_ok=True)
            elif path.is_file():
                shutil.copyfile(path, place / path.name)
        log = Path(verdict.log).read_text(errors="replace") if verdict.log and Path(verdict.log).exists() else ""
        said = f"{verdict.case.kind}: {verdict.case.name}\n{verdict.outcome}: {verdict.detail}\n{log}"
        (place / "what.txt").write_text(_printable(said))


def _line(verdict: Verdict) -> str:
    return f"{verdict.outcome}: {verdict.case.kind}: {verdict.case.name}: {verdict.detail[:300]}"


def _printable(text: str) -> str:
    """The text without what a terminal or a file in UTF-8 would take amiss: names of the corpus have that."""
    kept = "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)
    return kept.encode("utf-8", "backslashreplace").decode()

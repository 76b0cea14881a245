"""An earlier report that later runs must not fall behind: how it is read, compared with, and brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ..converters.errors import InputError, UsageError
from .parity import ParityReport, ParityRow, Status, TensorParity, Verdict
from .regressions import Regression, is_identical, key_of, regressions
from .reports.json import decode, write_json

_MAKE = "make it with --update-baseline"
_ACCEPT = "if the change is meant: --update-baseline replace"
Value = TypeVar("Value", int, float)
_NOTE = "this is a baseline: each figure is the best of several runs"


class Update(StrEnum):
    """How a run changes the baseline: by what is better alone, or by all that it found."""

    TIGHTEN = "tighten"
    REPLACE = "replace"


class Written(StrEnum):
    """What became of the baseline's file: `unchanged` if nothing is better, `kept` where the run may not change it."""

    CREATED = "created"
    TIGHTENED = "tightened"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A run beside its baseline, if there was one: what is worse, what there is to know, and what was written.

    `accepted` says that the baseline was replaced, so that what is worse is no failure. `written` is None where nobody
    asked for an update.
    """

    file: str
    existed: bool = True
    regressions: tuple[Regression, ...] = ()
    accepted: bool = False
    notes: tuple[str, ...] = ()
    written: Written | None = None

    @property
    def exit_code(self) -> int:
        """1 for a regression that nobody accepted, as for an artifact that fails parity."""
        return 1 if self.regressions and not self.accepted else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The file `path` with the report in it, None where the file is yet to be made.

    `only` is the file name of the one artifact that is judged, None for all.
    """

    path: Path
    report: ParityReport | None
    update: Update | None = None
    only: str | None = None

    def require_source(self, sha256: str) -> None:
        """Raises InputError unless the source is the baseline's; a baseline that is replaced may have another."""
        if self.report is None or self.update is Update.REPLACE or self.report.source_sha256 == sha256:
            return
        raise InputError(
            f"{self.path} is the baseline of another source: {self.report.source!r} with SHA-256 "
            f"{self.report.source_sha256[:12]}, and this one has {sha256[:12]}",
            fix=_ACCEPT,
        )

    def compare(self, now: ParityReport) -> Comparison:
        """What is worse in `now`; the file is written if that was asked for and the run allows it.

        A run that did not pass changes nothing, and neither does one that is worse unless it is to replace.
        """
        worse = () if self.report is None else regressions(now, self.report, only=self.only)
        passed = now.verdict is Verdict.PASS
        accepted = passed and self.update is Update.REPLACE
        return Comparison(
            file=str(self.path),
            existed=self.report is not None,
            regressions=worse,
            accepted=accepted,
            notes=() if self.report is None else _notes(now, self.report),
            written=self._write(now, allowed=passed and (accepted or not worse)),
        )

    def _write(self, now: ParityReport, *, allowed: bool) -> Written | None:
        if self.update is None:
            return None
        if not allowed:
            return Written.KEPT
        if self.report is not None and self.update is Update.TIGHTEN:
            report, written = tightened(self.report, now), Written.TIGHTENED
        else:
            report, written = now, Written.CREATED if self.report is None else Written.REPLACED
        if report == self.report:
            return Written.UNCHANGED
        write_json(report, self.path)
        return written


def read_baseline(path: Path, *, update: Update | None, folder: Path, only: str | None = None) -> Baseline:
    """The baseline at `path` for judging what is in `folder`, one artifact of it with `only`.

    Raises UsageError or InputError for a file that is missing (unless it is to be written), is no report, or would
    be written where it does not belong.
    """
    if update is not None:
        _require_place(path, folder=folder, only=only)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        if update is None:
            raise InputError(f"the baseline {path} does not exist", fix=f"check the path, or {_MAKE}") from error
        return Baseline(path=path, report=None, update=update, only=only)
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror}", fix="name a parity.json") from error
    try:
        report = decode(data, name=f"the baseline {path}")
    except InputError as error:
        raise InputError(error.message, fix=f"name a parity.json; or remove {path}, and {_MAKE}") from error
    return Baseline(path=path, report=report, update=update, only=only)


def tightened(before: ParityReport, now: ParityReport) -> ParityReport:
    """The baseline with each figure that is better in `now`, and the rows that only `now` has."""
    found = {key_of(row): row for row in now.results}
    known = {key_of(row) for row in before.results}
    rows = tuple(_tightened_row(row, found[key_of(row)]) for row in before.results)
    added = tuple(row for row in now.results if key_of(row) not in known)
    if not added and rows == before.results:
        return before
    notes = before.notes if _NOTE in before.notes else (*before.notes, _NOTE)
    return replace(before, results=(*rows, *added), verdict=now.verdict, notes=notes)


def _tightened_row(before: ParityRow, now: ParityRow) -> ParityRow:
    if before.status is not Status.PASS:
        return now
    known = {output.name for output in before.outputs}
    found = {output.name: output for output in now.outputs}
    outputs = (_tightened_output(output, found[output.name]) for output in before.outputs)
    added = (output for output in now.outputs if output.name not in known)
    return replace(before, bytes=_least(before.bytes, now.bytes), outputs=(*outputs, *added))


def _tightened_output(before: TensorParity, now: TensorParity) -> TensorParity:
    identical = is_identical(before) or is_identical(now)
    return replace(
        before,
        max_abs=_least(before.max_abs, now.max_abs),
        max_rel_to_scale=_least(before.max_rel_to_scale, now.max_rel_to_scale),
        rms=_least(before.rms, now.rms),
        rms_rel_to_scale=_least(before.rms_rel_to_scale, now.rms_rel_to_scale),
        sqnr_db=None if identical else _most(before.sqnr_db, now.sqnr_db),
        cosine=_most(before.cosine, now.cosine),
        noise_ratio=_least(before.noise_ratio, now.noise_ratio),
        mismatches=_least(before.mismatches, now.mismatches),
        top1=_most(before.top1, now.top1),
    )


def _least(before: Value | None, now: Value | None) -> Value | None:
    return min((value for value in (before, now) if value is not None), default=None)


def _most(before: Value | None, now: Value | None) -> Value | None:
    return max((value for value in (before, now) if value is not None), default=None)


def _require_place(path: Path, *, folder: Path, only: str | None) -> None:
    if only is not None:
        raise UsageError(
            f"--update-baseline is about all artifacts, and {only} is one", fix=f"judge the folder: {folder}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", fix=f"make it first: mkdir -p {path.parent}")
    if path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{path} lies in the folder that is judged, where it would take the place of evidence",
            fix=f"keep the baseline elsewhere, such as {folder.name}.baseline.json",
        )


def _notes(now: ParityReport, before: ParityReport) -> tuple[str, ...]:
    known = {key_of(row) for row in before.results}
    new = [f"{row.format} {row.precision} on {row.target}" for row in now.results if key_of(row) not in known]
    found = [f"not in the baseline: {', '.join(new)}"] if new else []
    if now.processor != before.processor:
        found.append(f"the baseline was measured on another processor, {before.processor.name}")
    return tuple(found)

"""Which artifacts go into a bundle: those that passed, and those that whoever makes it names as exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...converters.errors import InputError, UsageError
from ...converters.manifest import ArtifactRecord, Manifest
from ..golden import FOLDER as GOLDEN
from ..judging import HOST
from ..parity import ParityReport, ParityRow, Status
from ..rows import changed_row
from .manifest import Platform
from .platforms import platforms_of

_JUDGE = "judge them: edgeproof convert without --no-verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An artifact that goes in, with the rows of its verdict and the platforms that it is for."""

    record: ArtifactRecord
    rows: tuple[ParityRow, ...]
    platforms: tuple[Platform, ...]
    allowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What goes in, and a sentence on each that does not."""

    chosen: tuple[Chosen, ...]
    left_out: tuple[str, ...] = ()


def select(
    made: Manifest, report: ParityReport, folder: Path, *, platforms: Sequence[Platform], allow: Sequence[str]
) -> Selection:
    """The artifacts of a folder for these platforms, all of them if none are named.

    InputError if no artifact has a verdict, none passed, or a file is not the one that was judged; UsageError for a
    platform without an artifact and for an exception that is not there.
    """
    unknown = sorted(set(allow) - {record.file for record in made.artifacts})
    if unknown:
        known = ", ".join(record.file for record in made.artifacts)
        raise UsageError(f"--allow {unknown[0]}: there is no such artifact", fix=f"the artifacts are {known}")
    judged = {record.file: tuple(row for row in report.results if row.file == record.file) for record in made.artifacts}
    if not any(row.status is not Status.NOT_RUN for rows in judged.values() for row in rows):
        raise InputError(f"{folder} holds no artifact with a verdict", fix=_JUDGE)
    chosen: list[Chosen] = []
    left_out: list[str] = []
    for record in made.artifacts:
        rows = judged[record.file]
        reason = _reason_against(rows)
        if reason and record.file not in allow:
            left_out.append(f"{record.file} is left out: {reason}")
            continue
        _require_unchanged(record, folder)
        if not (folder / GOLDEN / f"{record.file}.{HOST}.npz").is_file():
            _refuse_allowed(record, allow)
            left_out.append(f"{record.file} is left out: it gave nothing on the host that an app could be held to")
            continue
        found = platforms_of(record, folder / record.file)
        fitting = tuple(each for each in found if not platforms or each in platforms)
        if fitting:
            chosen.append(Chosen(record=record, rows=rows, platforms=fitting, allowed=bool(reason)))
        else:
            left_out.append(f"{record.file} is left out: it is for {', '.join(found)}")
    _require_platforms(chosen, platforms, left_out, folder)
    return Selection(chosen=tuple(chosen), left_out=tuple(left_out))


def _refuse_allowed(record: ArtifactRecord, allow: Sequence[str]) -> None:
    if record.file in allow:
        raise UsageError(f"{record.file} gave nothing on the host to be held to", fix="leave it out of --allow")


def _reason_against(rows: Sequence[ParityRow]) -> str:
    """Why an artifact has no PASS; empty if it has one and failed nowhere."""
    failed = next((row for row in rows if row.status not in {Status.PASS, Status.NOT_RUN}), None)
    if failed is not None:
        return f"{failed.status} on {failed.target}: {failed.reason}"
    if not any(row.status is Status.PASS for row in rows):
        return rows[0].reason or "it ran nowhere" if rows else "it was not judged"
    return ""


def _require_unchanged(record: ArtifactRecord, folder: Path) -> None:
    changed = changed_row(record.in_folder(folder), "host")
    if changed is not None:
        raise InputError(changed.reason, fix=changed.fix)


def _require_platforms(
    chosen: Sequence[Chosen], platforms: Sequence[Platform], left_out: Sequence[str], folder: Path
) -> None:
    if not chosen:
        why = "; ".join(left_out[:3])
        raise InputError(f"no artifact of {folder} may go into a bundle: {why}", fix="mend what failed, or --allow it")
    for platform in platforms:
        if not any(platform in each.platforms for each in chosen):
            raise UsageError(
                f"nothing that passed is for {platform}", fix=f"leave it out, or {_MAKE[platform]}, and bundle again"
            )


_MAKE = {
    Platform.ANDROID: "convert --to litert,executorch,onnx",
    Platform.IOS: "convert --to executorch,litert,onnx",
    Platform.LINUX_ARM64: "convert --to all",
    Platform.MICRO: "convert --to litert --precision int8-full, or --backend ethos-u55-128",
}

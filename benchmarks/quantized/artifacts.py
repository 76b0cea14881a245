"""What `edgeproof convert` makes of a model, as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, run

from .contenders import DYNAMIC, FLOAT, STATIC
from .subjects import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """Files by (format, precision), the model's inputs with their shapes, its outputs, and why a file is missing.

    `measured_layers` says how many layers of the static recipe take their scales from each call.
    """

    files: dict[tuple[str, str], Path] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)
    measured_layers: str = ""
    failure: str = ""


def in_float(subject: Subject, folder: Path) -> Converted:
    """The float artifacts, which upstream's quantisers start from and whose speed and size are compared with."""
    if (folder / "manifest.json").exists():
        return _read(folder)
    return _convert(subject, folder, ["--precision", FLOAT, "--no-verify"])


def in_int8(subject: Subject, folder: Path, options: Sequence[str]) -> Converted:
    """Both int8 precisions; `options` say for which formats, calibrated and judged on what."""
    return _convert(subject, folder, ["--precision", f"{STATIC},{DYNAMIC}", *options])


def _convert(subject: Subject, folder: Path, options: Sequence[str]) -> Converted:
    cost = run([EDGEPROOF, "convert", *subject.arguments, *options, "-o", str(folder), "--overwrite", "--json", "-q"])
    outcome: dict[str, Any] = json.loads(cost.stdout) if cost.stdout.strip().startswith("{") else {}
    if not (folder / "manifest.json").exists():
        reason = (cost.stderr.strip().splitlines() or [f"exit code {cost.code}"])[0]
        return Converted(failure=reason)
    return _read(folder, outcome.get("report", {}).get("results", []))


def _read(folder: Path, results: Sequence[dict[str, Any]] = ()) -> Converted:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    verdicts = {
        (row["format"], row["precision"]): f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
        for row in results
    }
    return Converted(
        files={(each["format"], each["precision"]): folder / each["file"] for each in manifest["artifacts"]},
        shapes={each["name"]: each["shape"] for each in manifest["inputs"]},
        outputs=[each["name"] for each in manifest["outputs"]],
        verdicts=verdicts,
        measured_layers=_measured_layers(folder),
    )


def _measured_layers(folder: Path) -> str:
    """Nothing where all scales are fixed beforehand, as the name of the precision promises."""
    for path in folder.glob(f"recipes/*.{STATIC}.recipe.json"):
        layers = json.loads(path.read_text(encoding="utf-8"))["layers"]
        measured = sum(layer["compute"] == DYNAMIC for layer in layers)
        return f"{measured} of {len(layers)}" if measured else ""
    return ""

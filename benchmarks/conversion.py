"""One call of `edgeproof convert`, and what its JSON says of every artifact."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, run

FORMATS = ("torchscript", "executorch", "litert", "onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One artifact and its verdict; `difference` is relative to the output's scale, `seconds` making and running it."""

    format: str
    verdict: str
    reason: str = ""
    notes: tuple[str, ...] = ()
    backend: str | None = None
    bytes: int | None = None
    difference: float | None = None
    sqnr_db: float | None = None
    samples: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What one command made, and its seconds as a whole process."""

    artifacts: tuple[Artifact, ...]
    seconds: float


def convert(arguments: Sequence[str], *, formats: Sequence[str], keep: Path | None = None) -> Conversion:
    """Run the command with these arguments; a command that makes nothing is an ERROR for every format."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch) / "out"
        fixed = ["--to", ",".join(formats), "-o", str(folder), "--overwrite", "--json", "-q"]
        cost = run([EDGEPROOF, "convert", *arguments, *fixed])
    if cost.stdout.strip():
        return Conversion(artifacts=tuple(_artifacts_of(json.loads(cost.stdout))), seconds=cost.wall_seconds)
    reason = (cost.stderr.strip().splitlines() or [f"exit code {cost.code}"])[0]
    failed = (Artifact(format=name, verdict="ERROR", reason=reason) for name in formats)
    return Conversion(artifacts=tuple(failed), seconds=cost.wall_seconds)


def _artifacts_of(outcome: dict[str, Any]) -> Iterator[Artifact]:
    spent: dict[str, float] = {}
    for timing in outcome["timings"]:
        title = timing["title"].removeprefix("run ")
        spent[title] = spent.get(title, 0.0) + timing["wall_seconds"]
    for row in outcome["report"]["results"]:
        yield Artifact(
            format=row["format"],
            verdict=row["status"],
            reason=row["reason"],
            notes=tuple(row["notes"]),
            backend=row["backend"],
            bytes=row["bytes"],
            difference=_worst(row, "max_rel_to_scale", max),
            sqnr_db=_worst(row, "sqnr_db", min),
            samples=row["samples"],
            seconds=spent.get(f"{row['format']} {row['precision']}"),
        )


def _worst(row: dict[str, Any], figure: str, choose: Callable[[list[float]], float]) -> float | None:
    found = [output[figure] for output in row["outputs"] if output[figure] is not None]
    return choose(found) if found else None


def difference_text(value: float | None) -> str:
    """A relative difference for a table."""
    if value is None:
        return "-"
    return f"{value:.1e}" if value else "0"


def seconds_text(value: float | None) -> str:
    """Seconds for a table."""
    return "-" if value is None else f"{value:.1f}"

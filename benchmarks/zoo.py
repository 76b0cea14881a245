"""Converts every published model to every format and prints what the judge says, one row per artifact.

    .venv/bin/python benchmarks/zoo.py                              # everything; writes benchmarks/results/zoo.*
    .venv/bin/python benchmarks/zoo.py --only fer --to onnx,litert  # some of it; only prints

The exit code is 1 unless every artifact passed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, machine, machine_text, markdown_table, megabytes, run
from models.catalog import ITEMS, Item, items_called
from models.fetch import fetch_all

_RESULTS = Path(__file__).resolve().parent / "results"
_FORMATS = ("torchscript", "executorch", "litert", "onnx")
_HEADINGS = ("item", "format", "backend", "bytes", "difference / scale", "SQNR", "samples", "seconds", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One item in one format; `seconds` is what making and running the artifact took."""

    item: str
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


def main() -> int:
    """Run, print, write; returns the exit code."""
    options = _options()
    fetch_all()
    found, before = options.only, machine()
    cells: list[Cell] = []
    totals: dict[str, float] = {}
    for item in items_called(tuple(found)):
        print(f"{item.name} ...", file=sys.stderr, flush=True)
        made, totals[item.name] = _certify(item, options)
        cells += made
    text = _report(cells, totals, before)
    print(text)
    if not found and options.formats == _FORMATS:
        _write(cells, totals, before, text)
    return 0 if all(cell.verdict == "PASS" for cell in cells) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(dict.fromkeys(item.model for item in ITEMS))
    parser.add_argument("--only", action="append", default=[], metavar="ITEM", help=f"repeatable; one of {names}")
    parser.add_argument("--to", default=",".join(_FORMATS), metavar="FORMAT,...", help="formats to make")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep what was converted, one folder per item")
    parser.add_argument("--timeout", type=float, default=900, metavar="S", help="seconds a single job may take")
    parser.add_argument("--jobs", type=int, metavar="N", help="workers at a time")
    options = parser.parse_args()
    options.formats = tuple(options.to.split(","))
    return options


def _certify(item: Item, options: argparse.Namespace) -> tuple[list[Cell], float]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)) / f"{item.model}-{item.framework}"
        command = [EDGEPROOF, "convert", item.factory, "--samples", item.samples, "--to", options.to, "--json", "-q"]
        command += ["-o", str(folder), "--overwrite", "--timeout", str(options.timeout)]
        cost = run([*command, *(["--jobs", str(options.jobs)] if options.jobs else [])])
    if not cost.stdout.strip():
        lines = cost.stderr.strip().splitlines() or [f"exit code {cost.code}"]
        return [Cell(item=item.name, format=name, verdict="ERROR", reason=lines[0]) for name in options.formats], 0.0
    return list(_cells_of(item, json.loads(cost.stdout))), cost.wall_seconds


def _cells_of(item: Item, outcome: dict[str, Any]) -> Iterator[Cell]:
    spent: dict[str, float] = {}
    for timing in outcome["timings"]:
        title = timing["title"].removeprefix("run ")
        spent[title] = spent.get(title, 0.0) + timing["wall_seconds"]
    for row in outcome["report"]["results"]:
        yield Cell(
            item=item.name,
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


def _report(cells: list[Cell], totals: dict[str, float], before: dict[str, Any]) -> str:
    rows = [
        (
            cell.item,
            cell.format,
            cell.backend or "-",
            megabytes(cell.bytes),
            "-" if cell.difference is None else f"{cell.difference:.1e}" if cell.difference else "0",
            "-" if cell.sqnr_db is None else f"{cell.sqnr_db:.1f} dB",
            str(cell.samples),
            "-" if cell.seconds is None else f"{cell.seconds:.1f}",
            cell.verdict,
        )
        for cell in cells
    ]
    passed = sum(cell.verdict == "PASS" for cell in cells)
    remarks = dict.fromkeys(
        (cell.item, cell.format, text) for cell in cells for text in (cell.reason, *cell.notes) if text
    )
    lines = [
        markdown_table(_HEADINGS, rows),
        f"{passed} of {len(cells)} artifacts passed, {sum(totals.values()):.0f} s in all.",
        machine_text(before),
        *(f"- {item}, {name}: {text}" for item, name, text in remarks),
    ]
    return "\n".join(lines) + "\n"


def _write(cells: list[Cell], totals: dict[str, float], before: dict[str, Any], text: str) -> None:
    _RESULTS.mkdir(exist_ok=True)
    document = {"machine": before, "seconds": totals, "cells": [asdict(cell) for cell in cells]}
    (_RESULTS / "zoo.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (_RESULTS / "zoo.md").write_text(f"# Published models in every format\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

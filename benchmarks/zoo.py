"""Converts every published model to every format and prints what the judge says, one row per artifact.

    .venv/bin/python benchmarks/zoo.py                              # everything; writes benchmarks/results/zoo.*
    .venv/bin/python benchmarks/zoo.py --only fer --to onnx,litert  # some of it; only prints

The exit code is 1 unless every artifact passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conversion import FORMATS, Conversion, convert, difference_text, seconds_text
from measure import machine, machine_text, markdown_table, megabytes
from models.catalog import ITEMS, Item, items_called
from models.fetch import fetch_all

_RESULTS = Path(__file__).resolve().parent / "results"
_HEADINGS = ("item", "format", "backend", "bytes", "difference / scale", "SQNR", "samples", "seconds", "verdict")


def main() -> int:
    """Run, print, write; returns the exit code."""
    options = _options()
    fetch_all()
    before = machine()
    found: dict[str, Conversion] = {}
    for item in items_called(tuple(options.only)):
        print(f"{item.name} ...", file=sys.stderr, flush=True)
        found[item.name] = _convert(item, options)
    text = _report(found, before)
    print(text)
    if not options.only and tuple(options.formats) == FORMATS:
        _write(found, before, text)
    artifacts = [artifact for conversion in found.values() for artifact in conversion.artifacts]
    return 0 if all(artifact.verdict == "PASS" for artifact in artifacts) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(dict.fromkeys(item.model for item in ITEMS))
    parser.add_argument("--only", action="append", default=[], metavar="ITEM", help=f"repeatable; one of {names}")
    parser.add_argument("--to", default=",".join(FORMATS), metavar="FORMAT,...", help="formats to make")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep what was converted, one folder per item")
    parser.add_argument("--timeout", type=float, default=900, metavar="S", help="seconds a single job may take")
    parser.add_argument("--jobs", type=int, metavar="N", help="workers at a time")
    options = parser.parse_args()
    options.formats = options.to.split(",")
    return options


def _convert(item: Item, options: argparse.Namespace) -> Conversion:
    arguments = [item.factory, "--samples", item.samples, "--timeout", str(options.timeout)]
    arguments += ["--jobs", str(options.jobs)] if options.jobs else []
    keep = options.keep / f"{item.model}-{item.framework}" if options.keep else None
    return convert(arguments, formats=options.formats, keep=keep)


def _report(found: dict[str, Conversion], before: dict[str, Any]) -> str:
    cells = [(item, artifact) for item, conversion in found.items() for artifact in conversion.artifacts]
    rows = [
        (
            item,
            artifact.format,
            artifact.backend or "-",
            megabytes(artifact.bytes),
            difference_text(artifact.difference),
            "-" if artifact.sqnr_db is None else f"{artifact.sqnr_db:.1f} dB",
            str(artifact.samples),
            seconds_text(artifact.seconds),
            artifact.verdict,
        )
        for item, artifact in cells
    ]
    passed = sum(artifact.verdict == "PASS" for _, artifact in cells)
    seconds = sum(conversion.seconds for conversion in found.values())
    remarks = [
        f"- {item}, {artifact.format}: {text}"
        for item, artifact in cells
        for text in (artifact.reason, *artifact.notes)
        if text
    ]
    summary = f"{passed} of {len(cells)} artifacts passed, {seconds:.0f} s in all.\n"
    return "\n".join([markdown_table(_HEADINGS, rows), summary, machine_text(before), "", *remarks]) + "\n"


def _write(found: dict[str, Conversion], before: dict[str, Any], text: str) -> None:
    _RESULTS.mkdir(exist_ok=True)
    document = {"machine": before, "items": {name: asdict(conversion) for name, conversion in found.items()}}
    (_RESULTS / "zoo.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (_RESULTS / "zoo.md").write_text(f"# Published models in every format\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

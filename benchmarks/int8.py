"""Compares int8 artifacts of edgeproof with those of upstream tools used the documented way, on held-out real inputs.

    .venv/bin/python benchmarks/int8.py                                # everything; writes benchmarks/results/int8.*
    .venv/bin/python benchmarks/int8.py --only fer --formats litert    # some of it; only prints
    .venv/bin/python benchmarks/int8.py --contenders edgeproof --beside benchmarks/results/int8.json
    .venv/bin/python benchmarks/int8.py --max-drop 1%                   # what the budget keeps, and what it costs

Everything is made, run and timed in processes of its own with a time limit: what crashes is a row of the table. The
exit code is 1 if an int8 artifact of edgeproof is missing, or less accurate than the best upstream one of its format.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import machine
from models.fetch import fetch_all
from quantized.contenders import FORMATS, OURS, chosen
from quantized.rows import Row
from quantized.study import Plan, Study
from quantized.subjects import SUBJECTS, Subject, subject
from quantized.summary import standings
from quantized.tables import report

_RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Run, print, write after each model; returns the exit code."""
    options = _options()
    fetch_all()
    before = machine()
    earlier = _rows_of(options.beside) if options.beside else []
    found: dict[str, list[Row]] = {}
    text = ""
    with tempfile.TemporaryDirectory() as scratch:
        for each in options.subjects:
            rows = Study(each, (options.keep or Path(scratch)) / each.name, _plan(each, options)).rows()
            found[each.name] = [*rows, *_not_run_now(earlier, each, rows)]
            text = report(found, before)
            if options.output:
                _write(options.output, found, before, text)
    print(text)
    return 0 if all(each.fine for each in standings(found)) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(each.name for each in SUBJECTS)
    parser.add_argument("--only", action="append", default=[], metavar="MODEL", help=f"repeatable; one of {names}")
    parser.add_argument("--formats", default=",".join(FORMATS), metavar="FORMAT,...", help="formats to compare")
    who = "upstream, edgeproof, or a tool's name; repeatable"
    parser.add_argument("--contenders", action="append", default=[], metavar="WHO", help=who)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each artifact is timed")
    parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds one step may take")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep inputs and artifacts, and use those kept before")
    parser.add_argument("--max-drop", metavar="BUDGET", help="a budget for edgeproof, which takes part alone then")
    parser.add_argument("--beside", type=Path, metavar="JSON", help="an earlier result, for contenders not run now")
    parser.add_argument("--output", type=Path, metavar="STEM", help="where to write .json and .md after each model")
    options = parser.parse_args()
    options.subjects = [subject(name) for name in options.only] or list(SUBJECTS)
    options.formats = options.formats.split(",")
    options.contenders = [OURS] if options.max_drop else options.contenders
    everything = not options.only and not options.contenders and options.formats == list(FORMATS)
    options.output = options.output or (_RESULTS / "int8" if everything else None)
    options.keep = options.keep.resolve() if options.keep else None
    return options


def _plan(each: Subject, options: argparse.Namespace) -> Plan:
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"{each.name}, {time.monotonic() - started:.0f} s: {text} ...", file=sys.stderr, flush=True)

    return Plan(
        contenders=chosen(options.contenders, options.formats),
        rounds=options.rounds,
        seconds=options.timeout,
        report=tell,
        options=("--max-drop", options.max_drop) if options.max_drop else (),
    )


def _rows_of(path: Path) -> list[Row]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return [Row.of(row) for rows in document["models"].values() for row in rows]


def _not_run_now(earlier: list[Row], each: Subject, rows: list[Row]) -> list[Row]:
    done = {row.key for row in rows}
    return [row for row in earlier if row.model == each.name and row.key not in done]


def _write(stem: Path, found: dict[str, list[Row]], before: dict[str, Any], text: str) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": before, "models": {name: [row.as_json() for row in rows] for name, rows in found.items()}}
    stem.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(f"# int8 beside upstream's tools\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

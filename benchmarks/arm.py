"""Judges every published and every sample model on emulated Arm processors, beside the host, in every format.

    .venv/bin/python benchmarks/arm.py --keep DIR               # about an hour on 2 cores; writes results/arm.*
    .venv/bin/python benchmarks/arm.py --keep DIR --only fer    # one model; only prints

It needs `edgeproof targets install arm64`. What is in DIR is not made again. The exit code is 1 unless everything
passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, machine, machine_text, markdown_table, run
from models.catalog import ITEMS
from models.fetch import fetch_all

from edgeproof.sample_models.catalog import SAMPLES

_RESULTS = Path(__file__).resolve().parent / "results"
_TARGETS = ("host", "arm64:cortex-a53", "arm64:cortex-a76")
_HEADINGS = ("model", "format", "precision", "target", "calls", "to the host", "x floor", "same bits", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, as the command line takes it."""

    name: str
    source: tuple[str, ...]
    calls: str


def main() -> int:
    """Convert, judge, print, write; returns the exit code."""
    options = _options()
    fetch_all()
    before = machine()
    found = {
        model.name: _judged(model, options.keep)
        for model in _models()
        if not options.only or any(model.name.startswith(each) for each in options.only)
    }
    text = f"{_report(found)}\n{machine_text(before)}\n"
    print(text)
    if not options.only:
        _RESULTS.mkdir(exist_ok=True)
        (_RESULTS / "arm.json").write_text(json.dumps({"machine": before, "rows": found}, indent=1) + "\n")
        (_RESULTS / "arm.md").write_text(f"# Every model on Arm\n\n{text}", encoding="utf-8")
    return 0 if all(row["status"] == "PASS" for rows in found.values() for row in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="DIR", type=Path, required=True, help="where reports are kept")
    parser.add_argument("--only", action="append", default=[], metavar="MODEL", help="repeatable")
    return parser.parse_args()


def _models() -> Iterator[Model]:
    for sample in SAMPLES:
        yield Model(name=sample.name, source=sample.arguments(), calls=str(sample.calibration))
    for item in ITEMS:
        yield Model(name=f"{item.model}_{item.framework}", source=(item.factory,), calls=item.samples)


def _judged(model: Model, keep: Path) -> list[dict[str, Any]]:
    """The rows of a model's report."""
    keep.mkdir(parents=True, exist_ok=True)
    report = keep / f"{model.name}.json"
    if not report.exists():
        print(f"{model.name} ...", file=sys.stderr, flush=True)
        options = ("--precision", "fp32,int8", "--calibration", model.calls, "--samples", model.calls)
        folder = ("-o", str(keep / model.name), "--overwrite", "--timeout", "1800", "--on", ",".join(_TARGETS))
        done = run((EDGEPROOF, "convert", *model.source, *options, *folder, "--json", "-q"))
        if not done.stdout:
            raise SystemExit(f"{model.name}: {done.stderr}")
        report.write_text(done.stdout, encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["report"]["results"]
    return rows


def _report(found: dict[str, list[dict[str, Any]]]) -> str:
    rows = [(name, row) for name, model in found.items() for row in model]
    passed = sum(row["status"] == "PASS" for _, row in rows)
    elsewhere = [(name, row) for name, row in rows if row["target"] != "host"]
    remarks = [
        f"- {name}, {row['format']} {row['precision']} on {row['target']}: {text}"
        for name, row in rows
        for text in (row["reason"], *(note for note in row["notes"] if note.startswith("not the same bits")))
        if text
    ]
    kernels = sorted({f"- {row['target']}, {row['format']}: {_kernels(row)}" for _, row in rows if row["run_by"]})
    table = markdown_table(_HEADINGS, [_cells(name, row) for name, row in elsewhere])
    summary = f"{passed} of {len(rows)} runs passed, {len(elsewhere)} of them on Arm.\n"
    parts = (table, summary, "Who computed:\n", *kernels, "\nWhat failed or differs:\n", *remarks)
    return "\n".join(parts) + "\n"


def _cells(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    beside = row["beside"] or {}
    different = beside.get("different")
    return (
        name,
        row["format"],
        row["precision"],
        row["target"],
        str(row["samples"]),
        _number(beside.get("max_abs")),
        _number(beside.get("noise_ratio")),
        "-" if different is None else ("yes" if not different else f"{different} of {beside['elements']} differ"),
        row["status"],
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _kernels(row: dict[str, Any]) -> str:
    tools = ", ".join(f"{name} {text}" for name, text in row["run_by"].items() if name not in {"xnnpack", "delegates"})
    return f"{tools}; {' '.join(row['processor']['features'])}"


if __name__ == "__main__":
    sys.exit(main())

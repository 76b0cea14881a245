"""Converts recurrent layers at a short and a long sequence: what stays whole costs the same at both.

    .venv/bin/python benchmarks/recurrent.py                           # all; writes benchmarks/results/recurrent.*
    .venv/bin/python benchmarks/recurrent.py --only torch:lstm --to onnx

The exit code is 1 unless every artifact passed and none grew with its sequence.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conversion import FORMATS, Artifact, convert, difference_text, seconds_text
from measure import machine, machine_text, markdown_table, megabytes

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE / "results"
_LAYERS = (
    *(f"torch:{kind}" for kind in ("lstm", "gru", "rnn", "bilstm", "cells")),
    *(f"keras:{kind}" for kind in ("lstm", "gru", "rnn", "bilstm")),
)
_SHORT, _LONG = 16, 512
_MAY_GROW = 1.2
_HEADINGS = (
    *("layer", "format"),
    *(f"{figure} at {steps}" for figure in ("seconds", "bytes", "difference") for steps in (_SHORT, _LONG)),
    *("grows", "verdict"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One layer in one format, at both lengths."""

    layer: str
    format: str
    short: Artifact
    long: Artifact

    @property
    def growth(self) -> float | None:
        """How many times as large the file of the long sequence is."""
        return self.long.bytes / self.short.bytes if self.short.bytes and self.long.bytes else None

    @property
    def verdict(self) -> str:
        """The first verdict that is no PASS, or GROWS."""
        for artifact in (self.short, self.long):
            if artifact.verdict != "PASS":
                return artifact.verdict
        return "GROWS" if self.growth is None or self.growth > _MAY_GROW else "PASS"


def main() -> int:
    """Run, print, write; returns the exit code."""
    options = _options()
    before = machine()
    formats = options.to.split(",")
    cells = [cell for layer in options.only or _LAYERS for cell in _cells_of(layer, formats)]
    text = _report(cells, before)
    print(text)
    if not options.only and tuple(formats) == FORMATS:
        _write(cells, before, text)
    return 0 if all(cell.verdict == "PASS" for cell in cells) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=_LAYERS, help="repeatable")
    parser.add_argument("--to", default=",".join(FORMATS), metavar="FORMAT,...", help="formats to make")
    return parser.parse_args()


def _cells_of(layer: str, formats: list[str]) -> Iterator[Cell]:
    framework, _, kind = layer.partition(":")
    made: dict[int, dict[str, Artifact]] = {}
    for steps in (_SHORT, _LONG):
        print(f"{layer}, {steps} steps ...", file=sys.stderr, flush=True)
        factory = f"{_HERE / 'models' / framework}_layers.py:layer"
        conversion = convert([factory, "--model-arg", f"kind={kind}", "--model-arg", f"steps={steps}"], formats=formats)
        made[steps] = {artifact.format: artifact for artifact in conversion.artifacts}
    for name in formats:
        yield Cell(layer=layer, format=name, short=made[_SHORT][name], long=made[_LONG][name])


def _report(cells: list[Cell], before: dict[str, Any]) -> str:
    rows = [
        (
            cell.layer,
            cell.format,
            *(seconds_text(artifact.seconds) for artifact in (cell.short, cell.long)),
            *(megabytes(artifact.bytes) for artifact in (cell.short, cell.long)),
            *(difference_text(artifact.difference) for artifact in (cell.short, cell.long)),
            "-" if cell.growth is None else f"{cell.growth:.2f} times",
            cell.verdict,
        )
        for cell in cells
    ]
    reasons = [
        f"- {cell.layer}, {cell.format}, {steps} steps: {artifact.reason}"
        for cell in cells
        for steps, artifact in ((_SHORT, cell.short), (_LONG, cell.long))
        if artifact.reason
    ]
    return "\n".join([markdown_table(_HEADINGS, rows), machine_text(before), "", *reasons]) + "\n"


def _write(cells: list[Cell], before: dict[str, Any], text: str) -> None:
    _RESULTS.mkdir(exist_ok=True)
    rows = [{**asdict(cell), "growth": cell.growth, "verdict": cell.verdict} for cell in cells]
    document = {"machine": before, "cells": rows}
    (_RESULTS / "recurrent.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (_RESULTS / "recurrent.md").write_text(f"# Recurrent layers, short and long\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

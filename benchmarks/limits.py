"""Derives the limits of the verdict from what correct conversions do, and stores both in validators/limits.json.

    .venv/bin/python benchmarks/limits.py --keep DIR            # about 45 minutes on 2 cores; DIR keeps every case
    .venv/bin/python benchmarks/limits.py --keep DIR --write    # also writes validators/limits.json

The models are the published ones, the sample models, and architectures of timm, Transformers and keras.applications
with random weights under several seeds. A limit is MARGIN times the largest figure that any correct artifact has. What
is in DIR is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import EDGEPROOF, markdown_table, run
from models.architectures import architectures
from models.catalog import ITEMS
from models.fetch import fetch_all

from edgeproof.sample_models.catalog import SAMPLES
from edgeproof.validators.golden import DOCUMENT
from edgeproof.validators.limits import QUANTITIES
from edgeproof.validators.noise_floor import EPSILON, Noise
from edgeproof.validators.tolerance import round_up

MARGIN = 1.75
# The float model itself is 1.0 of quantisation's noise off the simulation, and must not pass for the quantised one.
_MARGIN_OF_SIMULATIONS = 1.5
_LIMITS = Path(__file__).resolve().parents[1] / "validators" / "limits.json"
_ALL_PRECISIONS = "fp32,fp16,int8,int8-dynamic"
_FIXED_SCALES = ("--precision", "int8-full,int16x8", "--to", "litert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model, and the arguments of `edgeproof convert` for it."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one output of a correct artifact; `kind` is its format, or "source" for a figure of the source."""

    quantity: str
    kind: str
    value: float
    where: str


def main() -> int:
    """Run what is missing, derive, print, write."""
    options = _options()
    fetch_all()
    options.keep.mkdir(parents=True, exist_ok=True)
    cases = list(_cases())
    for case in cases:
        if not (options.keep / case.name / "parity.json").exists():
            print(f"{case.name} ...", file=sys.stderr, flush=True)
            command = [EDGEPROOF, "convert", *case.arguments, "-o", str(options.keep / case.name), "-q", "--overwrite"]
            run([*command, "--timeout", "900"])
    figures = [figure for case in cases for figure in _figures_of(case, options.keep / case.name)]
    derived = _derived(figures, models=len({figure.where.partition(",")[0] for figure in figures}))
    print(_table(derived))
    if options.write:
        _LIMITS.write_text(json.dumps(derived, indent=1) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="DIR", type=Path, required=True, help="where the converted models are kept")
    parser.add_argument("--write", action="store_true", help="write validators/limits.json")
    return parser.parse_args()


def _cases() -> Iterator[Case]:
    for item in ITEMS:
        given = (item.factory, "--samples", item.samples, "--calibration", item.samples)
        yield from _in_all_precisions(f"{item.model}-{item.framework}", given)
    for sample in SAMPLES:
        data = str(sample.calibration)
        yield from _in_all_precisions(sample.name, (*sample.arguments(), "--samples", data, "--calibration", data))
    for architecture in architectures():
        yield Case(name=f"{architecture.name}-{architecture.seed}", arguments=architecture.arguments)


def _in_all_precisions(name: str, given: tuple[str, ...]) -> Iterator[Case]:
    yield Case(name=name, arguments=(*given, "--precision", _ALL_PRECISIONS))
    yield Case(name=f"{name}-fixed", arguments=(*given, *_FIXED_SCALES))


def _figures_of(case: Case, folder: Path) -> Iterator[Figure]:
    if not (folder / "parity.json").exists():
        print(f"{case.name}: no report", file=sys.stderr)
        return
    for row in json.loads((folder / "parity.json").read_text())["results"]:
        if not row["outputs"]:
            print(f"{case.name}: {row['format']} {row['precision']}: {row['status']} {row['reason']}", file=sys.stderr)
        for output in row["outputs"]:
            yield from _figures_of_output(case, row, output)
    floor = DOCUMENT.decode((folder / "golden" / "floor.json").read_bytes(), name=case.name)
    for name, groups in floor.outputs.items():
        for group, noise in groups.items():
            yield Figure(
                quantity=QUANTITIES["doubt"], kind="source", value=_doubt(noise), where=f"{case.name}, {name} {group}"
            )


def _figures_of_output(case: Case, row: dict[str, Any], output: dict[str, Any]) -> Iterator[Figure]:
    for check in output["checks"]:
        if check["quantity"] in QUANTITIES.values() and check["value"] is not None:
            where = f"{case.name}, {row['format']} {row['precision']}, {output['name']}"
            yield Figure(quantity=check["quantity"], kind=row["format"], value=check["value"], where=where)


def _doubt(noise: Noise) -> float:
    """How many times further the source is from the truth than jitter explains."""
    return noise.source.rms / max(noise.jitter.rms, EPSILON * noise.size.rms, sys.float_info.min)


def _derived(figures: list[Figure], *, models: int) -> dict[str, Any]:
    limits: dict[str, float] = {}
    largest: dict[str, Any] = {}
    distributions: dict[str, dict[str, list[float]]] = {}
    for name, quantity in QUANTITIES.items():
        found = [figure for figure in figures if figure.quantity == quantity]
        if not found:
            raise SystemExit(f"no figure of {quantity}: nothing can be derived")
        worst = max(found, key=lambda figure: figure.value)
        margin = _MARGIN_OF_SIMULATIONS if "simulation" in name else MARGIN
        limits[name] = round_up(margin * worst.value)
        largest[name] = {"value": float(f"{worst.value:.3g}"), "where": worst.where}
        distributions[name] = {
            kind: sorted(float(f"{figure.value:.3g}") for figure in found if figure.kind == kind)
            for kind in sorted({figure.kind for figure in found})
        }
    return {
        "schema": 1,
        "made_by": "benchmarks/limits.py",
        "margins": {"float": MARGIN, "simulation": _MARGIN_OF_SIMULATIONS},
        "models": models,
        "limits": limits,
        "largest": largest,
        "distributions": distributions,
    }


def _table(derived: dict[str, Any]) -> str:
    rows = []
    for name, quantity in QUANTITIES.items():
        values = sorted(value for values in derived["distributions"][name].values() for value in values)
        middle, high = values[len(values) // 2], values[int(0.99 * (len(values) - 1))]
        worst = derived["largest"][name]
        rows.append(
            (quantity, str(len(values)), f"{middle:.2g}", f"{high:.2g}", f"{worst['value']:.2g}", worst["where"],
             f"{derived['limits'][name]:g}")
        )  # fmt: skip
    headings = ("figure", "outputs", "median", "99 %", "largest", "of", "limit")
    return (
        markdown_table(headings, rows)
        + f"\n{derived['models']} models, margin {MARGIN}, of simulations {_MARGIN_OF_SIMULATIONS}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

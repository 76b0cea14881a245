"""The main job on real models: a PyTorch and a Keras sample into all formats, in float and int8, here and on Arm.

One table shows it all, and each model ends as a bundle for its app team, which is verified as they would. It calls the
command line, as a user would, and reads the JSON that it prints.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeproof.converters.tensors import read_calls
from edgeproof.sample_models.catalog import Sample, sample
from edgeproof.sample_models.evaluation import evaluate, read_evaluation
from edgeproof.sample_models.photos import has_photos, write_photos

_EDGEPROOF = (sys.executable, "-P", "-m", "edgeproof.cli")
_DEFAULT = ("digits_cnn", "faces_cnn")
_ARM = "arm64"
_CPUS = ("cortex-a53", "cortex-a76")
_STYLES = {"PASS": "green", "NOT_RUN": "yellow"}
Outcome = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert and judge the samples; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("samples", nargs="*", default=_DEFAULT, help="names of sample models")
    parser.add_argument("--output", type=Path, default=Path("demo-out"), help="folder to write")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    outcomes: list[tuple[Sample, Outcome]] = []
    codes: list[int] = []
    targets = _targets()
    for name in given.samples:
        code, outcome = _certify(sample(name), given.output / name, targets)
        codes.append(code)
        if outcome is not None:
            outcomes.append((sample(name), outcome))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(_table(outcomes))
    console.print(f"\n{given.output.resolve()} holds the artifacts; all of it took {time.monotonic() - started:.0f} s")
    for chosen, outcome in outcomes:
        _explain_failures(console, chosen, outcome)
    codes += [_hand_over(chosen, given.output, console) for chosen, _ in outcomes]
    return next((code for code in codes if code), 0)


def _targets() -> str:
    """Where to judge: Arm as well, if it can be prepared here; what it says goes to the terminal.

    A machine that is an Arm processor itself emulates none.
    """
    if platform.machine() in {"aarch64", "arm64"}:
        return "host"
    done = subprocess.run([*_EDGEPROOF, "targets", "install", _ARM], check=False)
    if done.returncode:
        sys.stderr.write("Arm is left out: the artifacts are judged on this machine alone\n")
        return "host"
    return ",".join(("host", *(f"{_ARM}:{cpu}" for cpu in _CPUS)))


def _certify(chosen: Sample, folder: Path, targets: str) -> tuple[int, Outcome | None]:
    """Convert a sample, judged on its labelled rows: the exit code, and what came of it if anything did."""
    options = ["--precision", "fp32,int8", *_rows(chosen, folder), "-o", str(folder), "--overwrite", "--json"]
    command = [*_EDGEPROOF, "convert", *chosen.arguments(), *options, "--on", targets]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None


def _rows(chosen: Sample, folder: Path) -> list[str]:
    """The options for its labelled rows and its calibration: photographs where it takes them, otherwise arrays."""
    if not has_photos(chosen):
        return ["--samples", str(chosen.evaluation), "--calibration", str(chosen.calibration)]
    photos = write_photos(chosen, folder.with_name(f"{folder.name}-photos"))
    given = ["--samples", str(photos.samples), "--calibration", str(photos.calibration)]
    return [*given, "--preprocess", str(chosen.preprocessing)]


def _hand_over(chosen: Sample, output: Path, console: Console) -> int:
    """Make the sample's bundle and verify it: the first exit code that is not 0."""
    archive = output / f"{chosen.name}.zip"
    labels = ["--labels", str(chosen.labels)] if chosen.labels.is_file() else []
    made = [str(output / chosen.name), "-o", str(archive), "--overwrite", "--license", chosen.licence, *labels]
    for command in (("bundle", *made), ("bundle", "verify", str(archive))):
        console.print(f"\n[bold]edgeproof {command[0]} {command[1] if command[1] == 'verify' else archive}[/bold]")
        code = subprocess.run([*_EDGEPROOF, *command, "-q"], check=False).returncode
        if code:
            return code
    return 0


def _table(outcomes: Sequence[tuple[Sample, Outcome]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("model", "format", "precision", "target"):
        table.add_column(name, no_wrap=True, vertical="bottom")
    for name in ("bytes", "largest\ndifference", "SQNR", "metric", "source", "artifact", "seconds"):
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    table.add_column("verdict", no_wrap=True, vertical="bottom")
    for chosen, outcome in outcomes:
        for row in outcome["report"]["results"]:
            status = Text(row["status"], style=_STYLES.get(row["status"], "red"))
            table.add_row(*_cells(chosen, outcome, row), status)
    return table


def _cells(chosen: Sample, outcome: Outcome, row: dict[str, Any]) -> tuple[str, ...]:
    differences = [output["max_abs"] for output in row["outputs"] if output["max_abs"] is not None]
    ratios = [output["sqnr_db"] for output in row["outputs"] if output["sqnr_db"] is not None]
    return (
        f"{chosen.name} ({chosen.framework})",
        row["format"],
        row["precision"],
        row["target"],
        "-" if row["bytes"] is None else f"{row['bytes']:,}",
        f"{max(differences):.1e}" if differences else "-",
        f"{min(ratios):.1f} dB" if ratios else ("exact" if differences else "-"),
        chosen.metric.name,
        _score(chosen, outcome, "reference.npz"),
        # A metric takes all labelled rows, of which an emulated processor runs some.
        "-" if row["emulated"] else _score(chosen, outcome, f"{row['file']}.{row['target']}.npz"),
        f"{_seconds(outcome, row):.1f}",
    )


def _seconds(outcome: Outcome, row: dict[str, Any]) -> float:
    """What the row cost: making the artifact and running it on the host, or running it elsewhere."""
    if row["target"] != "host":
        return float(row["seconds"] or 0)
    titles = {f"{row['format']} {row['precision']}", f"run {row['format']} {row['precision']}"}
    return float(sum(timing["wall_seconds"] for timing in outcome["timings"] if timing["title"] in titles))


def _score(chosen: Sample, outcome: Outcome, outputs: str) -> str:
    """The task metric of stored outputs: the labelled rows are the first calls, probes come after them."""
    path = Path(outcome["folder"]) / "golden" / outputs
    if not path.exists():
        return "-"
    inputs, _ = read_evaluation(chosen)
    rows = len(next(iter(inputs.values())))
    return f"{evaluate(chosen, list(read_calls(path))[:rows]):.4f}"


def _explain_failures(console: Console, chosen: Sample, outcome: Outcome) -> None:
    for row in outcome["report"]["results"]:
        if row["status"] == "PASS":
            continue
        console.print(
            f"{chosen.name} {row['format']} {row['precision']}: {row['reason']}\nfix: {row['fix']}", soft_wrap=True
        )
        if row["log"]:
            console.print(f"log: {row['log']}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())

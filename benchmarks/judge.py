"""Measures the judge like a classifier: does it see planted faults, and does it leave correct artifacts alone.

    .venv/bin/python benchmarks/judge.py --keep DIR                # about 30 minutes on 2 cores; writes results/judge.*
    .venv/bin/python benchmarks/judge.py --keep DIR --only fer     # one model; only prints

Faults are planted in the bytes and graphs of artifacts, in what they give, and in models before they are converted. The
same outputs are shown to the criteria that others use. SHA-256 sums, by which edgeproof knows a changed file without
running it, are not asked. The exit code is 1 if a fault of more than ten times the noise floor passes, or a correct
artifact fails. What is in DIR is not made again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from judged.planting import correct_ones, in_files, in_graphs, in_model, in_outputs, in_quantities
from judged.subjects import Subject, subjects
from judged.tables import report, standing
from judged.verdicts import Bench, Verdict
from measure import EDGEPROOF, machine, machine_text, run
from models.fetch import fetch_all

_RESULTS = Path(__file__).resolve().parent / "results"
_SEEDS = ("0", "1")


def main() -> int:
    """Convert, plant, judge, print, write."""
    options = _options()
    if options.subject:
        _one(options)
        return 0
    fetch_all()
    before = machine()
    verdicts: list[Verdict] = []
    for place, subject in enumerate(subjects()):
        if not options.only or subject.name in options.only:
            verdicts += _in_a_process_of_its_own(subject, place, options)
    text = f"{report(verdicts)}\n{machine_text(before)}\n"
    print(text)
    if not options.only:
        _RESULTS.mkdir(exist_ok=True)
        document = {"machine": before, "verdicts": [asdict(verdict) for verdict in verdicts]}
        (_RESULTS / "judge.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        (_RESULTS / "judge.md").write_text(f"# How good the judge is\n\n{text}", encoding="utf-8")
    return 0 if standing(verdicts) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="DIR", type=Path, required=True, help="where converted models are kept")
    parser.add_argument("--only", action="append", default=[], metavar="MODEL", help="repeatable")
    parser.add_argument("--subject", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process_of_its_own(subject: Subject, place: int, options: argparse.Namespace) -> list[Verdict]:
    """What a broken artifact brings down is one model's rows."""
    answer = options.keep / f"{subject.name}.json"
    if not answer.exists():
        print(f"{subject.name} ...", file=sys.stderr, flush=True)
        for seed in _SEEDS:
            _converted(subject, options.keep, seed)
        command = [sys.executable, __file__, "--keep", str(options.keep), "--subject", f"{subject.name}:{place}"]
        done = subprocess.run(command, check=False)
        if done.returncode:
            print(f"{subject.name}: the process ended with {done.returncode}", file=sys.stderr)
            return []
    return [Verdict(**row) for row in json.loads(answer.read_text())]


def _converted(subject: Subject, keep: Path, seed: str) -> None:
    folder = _folder(keep, subject.name, seed)
    if not folder.exists():
        precisions = ("--precision", "fp32,int8", "--calibration", subject.calibration) if seed == "0" else ()
        command = [EDGEPROOF, "convert", *subject.arguments, *precisions, "--seed", seed, "-o", str(folder), "-q"]
        done = run(command)
        if not folder.exists():
            raise SystemExit(f"{subject.name} was not converted: {done.stderr}")


def _folder(keep: Path, name: str, seed: str) -> Path:
    keep.mkdir(parents=True, exist_ok=True)
    return keep / f"{name}.{seed}"


def _one(options: argparse.Namespace) -> None:
    name, _, place = options.subject.partition(":")
    subject = next(subject for subject in subjects() if subject.name == name)
    bench = Bench(name, _folder(options.keep, name, "0"))
    verdicts = [
        *correct_ones(bench),
        *correct_ones(Bench(name, _folder(options.keep, name, "1")), threads=(1, 2), repeats=1),
        *in_files(bench),
        *in_graphs(bench),
        *in_quantities(bench),
        *in_outputs(bench),
        *in_model(bench, subject, offset=int(place)),
    ]
    (options.keep / f"{name}.json").write_text(json.dumps([asdict(verdict) for verdict in verdicts]))


if __name__ == "__main__":
    sys.exit(main())

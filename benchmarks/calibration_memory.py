"""Compares the peak memory of quantising a model with few and with many calibration calls.

    .venv/bin/python benchmarks/calibration_memory.py

The calls are real ones, again and again with some noise of their own; the file of the many is larger than all that the
process needs. The exit code is 1 if the many take more than a tenth more memory than the few.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import EDGEPROOF, machine, machine_text, markdown_table, megabytes, run
from models.fetch import fetch_all
from quantized.children import call
from quantized.subjects import Subject, subject

_ALLOWED = 1.1


def main() -> int:
    """Run, print; returns the exit code."""
    options = _options()
    fetch_all()
    before = machine()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        real = _real_calls(options.subject, folder)
        rows = [
            (count, *_quantised(options.subject, _repeated(real, count, folder), folder)) for count in options.calls
        ]
    text = [(str(count), megabytes(size), megabytes(peak), f"{seconds:.0f} s") for count, size, peak, seconds in rows]
    print(machine_text(before), markdown_table(("calls", "file", "peak", "time"), text), sep="\n\n")
    peaks = [peak for _, _, peak, _ in rows]
    return 0 if max(peaks) <= _ALLOWED * peaks[0] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mtcnn_pnet", metavar="NAME", help="a model of benchmarks/int8.py")
    parser.add_argument("--calls", default="16,512", metavar="N,...", help="how many calls, the fewest first")
    options = parser.parse_args()
    options.subject = subject(options.model)
    options.calls = [int(count) for count in options.calls.split(",")]
    return options


def _real_calls(chosen: Subject, folder: Path) -> dict[str, np.ndarray]:
    if chosen.sample:
        path = chosen.sample.calibration
    else:
        assert chosen.item
        where = {"model": chosen.item.model, "framework": chosen.framework, "folder": str(folder)}
        done = call("data:provide", where, seconds=600)
        if done.failure:
            raise SystemExit(f"there are no real calls: {done.failure}")
        path = folder / "calibration.npz"
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def _repeated(real: dict[str, np.ndarray], count: int, folder: Path) -> Path:
    generator = np.random.default_rng(0)
    path = folder / f"calls.{count}.npz"
    np.savez(path, **{name: _with_noise(stack, count, generator) for name, stack in real.items()})
    return path


def _with_noise(stack: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    repeated = stack[np.arange(count) % len(stack)]
    if repeated.dtype.kind != "f":
        return repeated
    for index in range(count):
        repeated[index] += generator.normal(0, 0.01 * stack.std(), stack.shape[1:]).astype(stack.dtype)
    return repeated


def _quantised(chosen: Subject, calls: Path, folder: Path) -> tuple[int, int, float]:
    """Bytes of the calls, peak bytes of the worker that quantises, seconds."""
    output = folder / "out"
    command = [EDGEPROOF, "convert", *chosen.arguments, "--precision", "int8", "--to", "onnx", "--no-verify", "--json"]
    done = run([*command, "-q", "--calibration", str(calls), "-o", str(output), "--overwrite"])
    if done.code:
        raise SystemExit(done.stderr)
    (timing,) = (each for each in json.loads(done.stdout)["timings"] if each["title"].startswith("quantise"))
    return calls.stat().st_size, timing["peak_bytes"], timing["wall_seconds"]


if __name__ == "__main__":
    sys.exit(main())

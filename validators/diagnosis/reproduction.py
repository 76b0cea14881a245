"""Writes the folder that reproduces a fault: one operator, what goes into it, what should come out, and a script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from ...converters.diagnosis_job import ExtractJob
from ...converters.errors import UsageError
from ...converters.tensors import read_calls
from .locating import Location
from .matching import floor_of
from .report import DOCUMENT, Diagnosis
from .scripts import DIFFERENCE, script_for

_SECONDS = 300


def require_empty(folder: Path) -> None:
    """Raises UsageError if the folder is there and not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} exists and is not empty", fix="choose another folder with -o, or remove it")


def write_reproduction(
    folder: Path, found: Diagnosis, location: Location, job: ExtractJob, extract: Callable[[ExtractJob], None]
) -> Diagnosis:
    """Fill `folder`, run its script once, and say whether it shows the difference.

    Raises NotRunnable if the operator cannot stand alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"operator{Path(job.artifact.file).suffix}"
    calls = folder / "call.npz"
    extract(replace(job, file=str(file), inputs=str(calls)))
    inputs = next(read_calls(calls))
    calls.unlink()
    numbered = {str(place): array for place, array in enumerate(inputs.values())}
    np.savez(folder / "inputs.npz", allow_pickle=False, **numbered)
    np.save(folder / "expected.npy", location.expected)
    noise = floor_of(location.expected, _last(location))
    order = None if location.found is None else location.found.order
    facts = {"names": list(inputs), "noise": noise, "order": order}
    (folder / "facts.json").write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=2))
    script = folder / "reproduce.py"
    script.write_text(script_for(job.artifact.format, found), encoding="utf-8")
    found = replace(found, folder=str(folder), reproduced=_runs_and_differs(script))
    (folder / "diagnosis.json").write_bytes(DOCUMENT.encode(found))
    return found


def _last(location: Location) -> float:
    last = location.fused[-1] if location.fused else location.guilty
    return last.noise or 0.0


def _runs_and_differs(script: Path) -> bool:
    """The script ends with 1 where it shows a difference, with 0 where it shows none; Python itself ends with 1 too."""
    done = subprocess.run([sys.executable, "-P", str(script)], capture_output=True, timeout=_SECONDS, check=False)
    return done.returncode == 1 and done.stdout.startswith(DIFFERENCE.encode())

"""Diagnoses an artifact with a fault in its bytes, runs what reproduces the fault, and diagnoses it mended."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commands import Done, edgeproof
from converted_pairs import artifact_in
from planted_bytes import Array, plant


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault of 1 % in one output channel of a layer of an artifact, and the arguments that name its source."""

    converted: Path
    format: str
    against: tuple[str, ...]
    weights: Array
    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """What was said of the broken artifact, what its script printed, and what was said of the mended one."""

    broken: Done
    fault: Path
    script: subprocess.CompletedProcess[str]
    mended: Done
    nothing: Path


def diagnosed(case: Case, folder: Path) -> Diagnosed:
    """Plant the fault in a copy below `folder`, and diagnose it and another in which it was undone, side by side."""
    with ThreadPoolExecutor(2) as pool:
        broken = pool.submit(_diagnosed, case, folder / "broken", mended=False)
        mended = pool.submit(_diagnosed, case, folder / "mended", mended=True)
        fault, said = folder / "broken" / "fault", broken.result()
        assert said.code == 1, said.stdout + said.stderr
        script = _run(fault)
    return Diagnosed(
        broken=said, fault=fault, script=script, mended=mended.result(), nothing=folder / "mended" / "fault"
    )


def _diagnosed(case: Case, folder: Path, *, mended: bool) -> Done:
    shutil.copytree(case.converted, folder / "out")
    artifact = artifact_in(folder / "out", case.format)
    sound = artifact.read_bytes()
    plant(artifact, case.weights, channel=case.channel)
    if mended:
        artifact.write_bytes(sound)
    return edgeproof("diagnose", artifact, "--against", *case.against, "--json", "-q", "-o", "fault", folder=folder)


def _run(fault: Path) -> subprocess.CompletedProcess[str]:
    """The script, as its reader would run it."""
    command = [sys.executable, "reproduce.py"]
    return subprocess.run(command, cwd=fault, capture_output=True, text=True, check=False, timeout=300)

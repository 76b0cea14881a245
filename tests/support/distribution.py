"""Builds the wheel and the sdist once in a session, and installs into environments of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# Taken before any fixture moves the home: pip reads the machine's own configuration from there.
ENVIRONMENT = dict(os.environ)
_PINS = REPOSITORY / "constraints.txt"


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints, in the machine's own environment."""
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def built_distribution(factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the files git knows or would know, and the wheel built from that sdist."""
    return _built(factory.getbasetemp() / "distribution")


def wheel_in(folder: Path) -> Path:
    """The wheel."""
    (only,) = folder.glob("*.whl")
    return only


def installed_into(folder: Path, *packages: str | Path) -> Path:
    """The bin folder of a new environment with these packages and what they need, in the pinned versions."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-P", "-m", "pip", "--python", python)
    run(*pip, "install", "-q", "-c", _PINS, *packages, cwd=folder)
    return folder / "bin"


@cache
def _built(folder: Path) -> Path:
    clone = folder / "a-clone with a dash"
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=REPOSITORY)
    for name in filter(None, listing.split("\0")):
        if (REPOSITORY / name).is_file():
            target = clone / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target)
    run(sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", folder / "dist", cwd=clone)
    shutil.rmtree(clone)
    return folder / "dist"

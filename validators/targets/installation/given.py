"""Takes an emulator and a root that the user has, on machines whose archive has none."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ....converters.errors import NotRunnable, UsageError
from .parts import EMULATOR_BINARY, Build, Building, Built


def given_emulator(file: Path) -> Build:
    """A part that is the user's emulator, copied; raises UsageError if it is none that runs here."""
    version = _version(file)

    def build(building: Building) -> Built:
        shutil.copy(file, building.folder / EMULATOR_BINARY)
        return Built(facts={"emulator": version})

    return build


def _version(file: Path) -> str:
    try:
        done = subprocess.run([file, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(
            f"{file} does not run: {error.strerror or error}", fix="name a static qemu-aarch64 of user mode"
        ) from error
    found = re.search(r"qemu-aarch64\S* version (\S+)", done.stdout)
    if found is None:
        raise UsageError(f"{file} is no qemu-aarch64", fix="name a static qemu-aarch64 of user mode")
    return found[1]


def given_root(folder: Path) -> Build:
    """A part that points to the user's root; building it raises NotRunnable if it lacks a loader or Python."""

    def build(building: Building) -> Built:
        if not (folder / building.architecture.loader).exists():
            raise NotRunnable(
                f"{folder} is no root for {building.architecture.machine}: it has no {building.architecture.loader}",
                fix="make one with debootstrap or unpack one, with Python and libstdc++ in it",
            )
        pythons = sorted(path.name for path in (folder / "usr/bin").glob("python3.*[0-9]"))
        if not pythons:
            raise NotRunnable(f"{folder} has no usr/bin/python3.*", fix="install python3 into the root")
        return Built(facts={"python": pythons[-1].removeprefix("python"), "root": str(folder.absolute())})

    return build

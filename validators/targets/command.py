"""How a guest is started: the command and its whole environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .architecture import Architecture

_GUEST = "edgeproof.validators.guests.run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Paths on a device: the root, the folders that modules are imported from, and a home."""

    root: str
    modules: tuple[str, ...]
    home: str
    python: str


def python_command(
    places: Places, architecture: Architecture, prefix: Sequence[str], arguments: Sequence[str]
) -> list[str]:
    """The command that runs the Python guest with its arguments."""
    program = f"{places.root}/usr/bin/python{places.python}"
    return [*_program(program, places, architecture, prefix), "-P", "-m", _GUEST, *arguments]


def native_command(  # noqa: PLR0913 (what it is, where it lies, and what it is told)
    program: str,
    places: Places,
    architecture: Architecture,
    prefix: Sequence[str],
    arguments: Sequence[str],
    *,
    libraries: str,
) -> list[str]:
    """The command that runs a compiled guest with its arguments; `libraries` is the folder of its own libraries."""
    return [*_program(program, places, architecture, prefix, libraries), *arguments]


def _program(
    program: str, places: Places, architecture: Architecture, prefix: Sequence[str], *libraries: str
) -> list[str]:
    if prefix:
        return [*prefix, "-L", places.root, program]
    # With the loader and all libraries of the root, what the device itself has does not matter.
    paths = (*(f"{places.root}/{folder}" for folder in architecture.libraries), *libraries)
    loader = f"{places.root}/{architecture.loader}"
    return [loader, "--inhibit-cache", "--library-path", ":".join(paths), program]


def environment(places: Places, *, libraries: str = "") -> dict[str, str]:
    """All variables that a guest sees."""
    found = {
        "PATH": "/usr/bin:/bin",
        "HOME": places.home,
        "TMPDIR": places.home,
        "LC_ALL": "C.UTF-8",
        "PYTHONHOME": f"{places.root}/usr",
        "PYTHONPATH": ":".join(places.modules),
        "PYTHONNOUSERSITE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }
    if libraries:
        found["LD_LIBRARY_PATH"] = libraries
    return found

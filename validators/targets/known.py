"""The targets there are, by name: our own families, and those that entry points add.

A third party adds a family by the entry point group `edgeproof.targets`: "board = package.module:make", where `make`
takes the target's whole name and the folder of prepared targets, and returns a Target (protocol.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ...converters.errors import UsageError
from . import adb, emulated, ssh
from .architecture import ARM64, this_machine
from .places import targets_folder
from .protocol import Target

HOST = "host"
GROUP = "edgeproof.targets"
Make = Callable[[str, Path], Target]


def is_host(name: str) -> bool:
    """Whether a target is this machine itself, as `arm64` is on an Arm machine."""
    return name == HOST or (name == emulated.FAMILY and this_machine() == ARM64.machine)


def check_target(name: str) -> str:
    """The name, if there is a family of that name and it is whole; raises UsageError with what may have been meant."""
    family = name.partition(":")[0]
    if family == ssh.FAMILY:
        ssh.destination_of(name)
    if name == HOST or family in families():
        return name
    known = (HOST, *families())
    close = difflib.get_close_matches(family, known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"there is no target {name!r}", fix=f"{meant}Choose from: {', '.join(known)}")


def target_named(name: str, *, folder: Path | None = None) -> Target:
    """The target of that name, whose parts lie in `folder`; raises UsageError if there is no such family."""
    check_target(name)
    return families()[name.partition(":")[0]](name, folder or targets_folder())


def families() -> dict[str, Make]:
    """What makes the targets of each family."""
    return {emulated.FAMILY: _emulated, ssh.FAMILY: ssh.make, adb.FAMILY: adb.make, **_added()}


def _added() -> dict[str, Make]:
    return {point.name: _Added(point) for point in entry_points(group=GROUP)}


@dataclass(frozen=True, slots=True)
class _Added:
    """Loaded when a target of the family is made, so that listing imports nothing."""

    point: EntryPoint

    def __call__(self, name: str, folder: Path) -> Target:
        make: Make = self.point.load()
        return make(name, folder)


def _emulated(name: str, folder: Path) -> Target:
    _, _, cpu = name.partition(":")
    return emulated.Emulated(name, cpu or emulated.DEFAULT_CPU, folder)

"""The targets that can be prepared on this machine, and where their parts lie."""

from __future__ import annotations

from dataclasses import dataclass

from ...converters.artifact import Format
from .architecture import ARCHITECTURES, ARM64, this_machine
from .installation.installing import FORMATS
from .installation.store import Store
from .places import targets_folder

PREPARED = tuple(ARCHITECTURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One of them: whether it needs an emulator, whether it is this machine itself, and whose runtimes it can have.

    torch's wheel for x86-64 that is on every index needs CUDA's packages, so boards with such a processor have none.
    """

    store: Store
    emulates: bool
    native: bool
    formats: tuple[str, ...]


def store_of(name: str) -> Prepared:
    """The target of a name in PREPARED."""
    architecture = ARCHITECTURES[name]
    return Prepared(
        store=Store(targets_folder() / name, architecture),
        emulates=architecture is ARM64 and this_machine() != ARM64.machine,
        native=architecture is ARM64 and this_machine() == ARM64.machine,
        formats=FORMATS if architecture is ARM64 else tuple(each for each in FORMATS if each != Format.TORCHSCRIPT),
    )

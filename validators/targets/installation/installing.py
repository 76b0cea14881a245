"""Installs what a target is made of: what stands already stays, so that an interrupted installation goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ....converters.artifact import Format
from .debian import require_apt
from .given import given_emulator, given_root
from .parts import BUILDS, EMULATOR, PYTHON, ROOT, Build, Wheels
from .store import Part, Store
from .wheels import require_pip

FORMATS = tuple(str(each) for each in Format)
_AT_ONCE = 2
Listener = Callable[[str, Part], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to install: runtimes of which formats, an emulator or not, and what the user has already."""

    formats: Sequence[str] = FORMATS
    emulator: bool = True
    root: Path | None = None
    qemu: Path | None = None


def install(store: Store, wanted: Wanted, *, on_part: Listener) -> Path:
    """Install what is missing, telling `on_part` of each part as it stands; returns the lock file.

    Two at a time wait for each other. Raises NotRunnable, and then what was finished stays.
    """
    builds = _builds(wanted)
    if any(build in {BUILDS[EMULATOR], BUILDS[ROOT]} for build in builds.values()):
        require_apt()
    require_pip()
    with store.locked():
        # Wheels are chosen for the Python that the root has.
        for names in ((EMULATOR, ROOT), (PYTHON, *wanted.formats)):
            _build_all(store, {name: builds[name] for name in names if name in builds}, on_part)
        return store.write_lock()


def _builds(wanted: Wanted) -> dict[str, Build]:
    builds = {name: BUILDS[name] for name in (ROOT, PYTHON, *wanted.formats)}
    if wanted.emulator:
        builds[EMULATOR] = given_emulator(wanted.qemu) if wanted.qemu else BUILDS[EMULATOR]
    if wanted.root:
        builds[ROOT] = given_root(wanted.root)
    return builds


def _build_all(store: Store, builds: dict[str, Build], on_part: Listener) -> None:
    """Build those that do not stand, two at a time; the first error is raised when all have ended."""
    missing = _to_build(store, builds, on_part)
    with ThreadPoolExecutor(_AT_ONCE) as executor:
        running = [(name, executor.submit(store.build, name, builds[name])) for name in missing]
        for name, future in running:
            on_part(name, future.result())


def _to_build(store: Store, builds: dict[str, Build], on_part: Listener) -> Iterable[str]:
    missing: list[str] = []
    for name, build in builds.items():
        part = store.part(name)
        # What the user names takes the place of what is there, and so do the versions that the host has now.
        python = store.facts.get("python", "")
        changed = part is not None and isinstance(build, Wheels) and part.built.recipe != build.recipe_for(python)
        if part is None or changed or build is not BUILDS[name]:
            missing.append(name)
        else:
            on_part(name, part)
    return missing

"""Tells which targets there are, and whether they are ready."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ...converters.errors import NotRunnable
from ...converters.processor import this_processor
from ...converters.registry import runners
from . import emulated, micro
from .architecture import ARCHITECTURES, ARM64, this_machine
from .installation.installing import FORMATS
from .installation.parts import EMULATOR, EMULATOR_BINARY, PYTHON, ROOT
from .installation.store import Store
from .known import HOST, families
from .places import targets_folder


class State(StrEnum):
    """Whether artifacts can run there."""

    READY = "ready"
    INSTALLABLE = "can be installed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list: `name` as for --on or `targets install`, `formats` that are prepared, `bytes` on disk.

    `fix` is there if something can be done about its state; `cpus` are the processors that an emulator knows.
    """

    name: str
    state: State
    about: str
    formats: tuple[str, ...] = ()
    bytes: int = 0
    fix: str = ""
    cpus: tuple[str, ...] = ()


def listed_targets() -> Iterator[Listed]:
    """The host, what can be emulated, what can be reached, and what entry points add."""
    processor = this_processor()
    here = f"this machine: {processor.name} ({processor.machine})"
    formats = tuple(name for name in FORMATS if not runners()[name].missing)
    yield Listed(name=HOST, state=State.READY, about=here, formats=formats)
    if this_machine() == ARM64.machine:
        yield Listed(name=emulated.FAMILY, state=State.READY, about="this machine is an Arm processor", formats=formats)
    else:
        yield _prepared(emulated.FAMILY, emulates=True)
    yield _prepared("x86-64", emulates=False)
    yield _micro()
    for name in families():
        if name != emulated.FAMILY:
            yield _reached(name)


def _prepared(name: str, *, emulates: bool) -> Listed:
    """What stands of an architecture's parts."""
    store = Store(targets_folder() / name, ARCHITECTURES[name])
    needed = (ROOT, PYTHON, *((EMULATOR,) if emulates else ()))
    parts = {each: part for each in (*needed, *FORMATS) if (part := store.part(each))}
    formats = tuple(each for each in FORMATS if each in parts)
    size = sum(part.bytes for part in parts.values())
    about = "Arm processors by emulation, without root" if emulates else "parts for boards that ssh reaches"
    if formats and all(each in parts for each in needed):
        try:
            known = emulated.cpus(store.place(EMULATOR) / EMULATOR_BINARY) if emulates else ()
        except NotRunnable as error:
            return Listed(name=name, state=State.MISSING, about=error.message, bytes=size, fix=error.fix)
        return Listed(name=name, state=State.READY, about=about, formats=formats, bytes=size, cpus=known)
    fix = f"edgeproof targets install {name}"
    if shutil.which("apt-get") is None:
        return Listed(
            name=name,
            state=State.MISSING,
            about="no apt-get here to take packages from",
            bytes=size,
            fix=f"{fix} --root DIR" + (" --qemu FILE" if emulates else ""),
        )
    return Listed(name=name, state=State.INSTALLABLE, about=about, bytes=size, fix=fix)


def _micro() -> Listed:
    """The tools of the micro edge, which are no place to run but stand in for one."""
    about = "Arm's compiler and reference models, for --backend ethos-u55-128, cortex-m55 and the like"
    try:
        part = micro.store().part(micro.PACKAGES) if micro.installed() else None
    except NotRunnable as error:
        return Listed(name=micro.NAME, state=State.MISSING, about=error.message)
    if part is None:
        return Listed(name=micro.NAME, state=State.INSTALLABLE, about=about, fix=micro.FIX)
    return Listed(name=micro.NAME, state=State.READY, about=about, bytes=part.bytes)


_PROGRAMS = {"ssh": "ssh", "adb": "adb"}
_USES = {"ssh": "ssh:user@host, a board or server", "adb": "adb:serial, a phone"}


def _reached(name: str) -> Listed:
    """Whether the program that reaches it is here; what another distribution adds tells when it is used."""
    about = _USES.get(name, "added by another distribution")
    program = _PROGRAMS.get(name)
    if program and shutil.which(program) is None:
        return Listed(name=name, state=State.MISSING, about=about, fix=f"install {program}")
    return Listed(name=name, state=State.READY, about=about)

"""Arm processors by emulation: any CPU that the emulator knows, on any Linux machine, without root."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from ...converters.errors import EdgeproofError, NotRunnable, RunError
from ...converters.job import RunJob, RunResult
from ...converters.processor import Processor
from .architecture import ARM64, this_machine
from .causes import Circumstances, IllegalInstruction
from .device import Here
from .guest import Guest
from .installation.parts import EMULATOR, EMULATOR_BINARY, PYTHON, ROOT
from .installation.store import Store

FAMILY = "arm64"
# A Raspberry Pi 5 or a phone of the last years: dot products, and no instruction that is newer.
DEFAULT_CPU = "cortex-a76"
_NEWER = ("cortex-a55", "cortex-a76", "neoverse-v1", "cortex-a710", "max")


class Emulated:
    """The CPU `cpu`, as the emulator calls it; the parts lie in the store of arm64."""

    needs_network = False
    is_slow = True

    def __init__(self, name: str, cpu: str, folder: Path) -> None:
        self.name = name
        self._cpu = cpu
        self._store = Store(folder / FAMILY, ARM64)

    def unavailable(self, format_name: str) -> NotRunnable | None:
        """A part that is missing, or a CPU that the emulator does not know."""
        if this_machine() == ARM64.machine:
            return NotRunnable(
                "this machine is an Arm processor, and emulates none", fix="--on arm64, which is this machine itself"
            )
        missing = [part for part in (EMULATOR, ROOT, PYTHON, format_name) if not self._store.has(part)]
        if missing:
            return NotRunnable(
                f"{FAMILY} is not prepared for {format_name}: {', '.join(missing)} {_are(missing)} missing",
                fix=f"edgeproof targets install {FAMILY}"
                + ("" if EMULATOR in missing else f" --formats {format_name}"),
            )
        known = cpus(self._emulator)
        if self._cpu in known:
            return None
        close = difflib.get_close_matches(self._cpu, known, n=1, cutoff=0.5)
        meant = f"did you mean {FAMILY}:{close[0]}? " if close else ""
        return NotRunnable(
            f"the emulator ({self._version}) knows no CPU {self._cpu!r}",
            fix=f"{meant}All that it knows: {', '.join(known)}",
        )

    def run(self, job: RunJob, *, entry: str, scratch: Path) -> RunResult:
        """Run it under the emulator; raises LoadError, RunError or NotRunnable."""
        try:
            result = self._run(self._cpu, job, entry, scratch)
        except IllegalInstruction as error:
            raise RunError(error.message, fix=self._advice(job, entry, scratch) or error.fix) from error
        processor = result.processor or Processor(machine=ARM64.machine, name="")
        made_by = {**result.made_by, "qemu": self._version}
        return replace(result, processor=replace(processor, name=f"{self._cpu} (emulated)"), made_by=made_by)

    def _run(self, cpu: str, job: RunJob, entry: str, scratch: Path) -> RunResult:
        device = Here(ARM64, scratch, prefix=(str(self._emulator), "-cpu", cpu))
        circumstances = Circumstances(format=job.artifact.format, target=self.name, emulator=self._version)
        return Guest(device, self._store).run(job, entry=entry, circumstances=circumstances)

    def _advice(self, job: RunJob, entry: str, scratch: Path) -> str | None:
        """Which CPU would do, found by trying."""
        for cpu in self._newer():
            try:
                self._run(cpu, replace(job, budget=0.0, least=1), entry, scratch)
            except IllegalInstruction:
                continue
            except EdgeproofError:
                return None
            return f"it runs on {FAMILY}:{cpu}; for this processor take a runtime that was built for it"
        return None

    def _newer(self) -> Iterator[str]:
        known = cpus(self._emulator)
        place = _NEWER.index(self._cpu) + 1 if self._cpu in _NEWER else 0
        return (cpu for cpu in _NEWER[place:] if cpu in known)

    @property
    def _emulator(self) -> Path:
        return self._store.place(EMULATOR) / EMULATOR_BINARY

    @cached_property
    def _version(self) -> str:
        return self._store.facts.get("emulator", "unknown")


@cache
def cpus(emulator: Path) -> tuple[str, ...]:
    """The CPUs that an emulator knows; raises NotRunnable if it does not run here."""
    why = "it lists no CPU"
    try:
        # It wants a program to be named, and ends with an error after the list all the same.
        done = subprocess.run([emulator, "-cpu", "help", "true"], capture_output=True, text=True, check=False)
        if known := re.findall(r"^ +(\S+)", done.stdout, re.MULTILINE):
            return tuple(sorted(known))
    except OSError as error:
        why = str(error)
    raise NotRunnable(
        f"the emulator does not run here: {why}",
        fix=f"edgeproof targets remove {FAMILY}, then install it again, or name another with --qemu FILE",
    )


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"

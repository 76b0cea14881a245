"""A target that is another machine: asks what it is, brings the parts of its architecture there, and runs a guest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ...converters.errors import NotRunnable, RunError
from ...converters.job import RunJob, RunResult
from .architecture import ARCHITECTURES, Architecture
from .causes import Circumstances, IllegalInstruction
from .guest import Guest
from .installation.parts import PYTHON, ROOT
from .installation.store import Store
from .remote import Remote, Transport, look


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How boards of a family are reached: the program that it takes, how to get that, and what connects."""

    program: str
    fix: str
    connect: Callable[[], Transport]


class Board:
    """A board, phone or server; the parts lie in the stores of all architectures, in `folder`."""

    needs_network = True
    is_slow = False

    def __init__(self, name: str, folder: Path, way: Way) -> None:
        self.name = name
        self._folder = folder
        self._way = way

    def unavailable(self, format_name: str) -> NotRunnable | None:
        """No program to reach it with, or parts that are there for no architecture: which it has, it tells later."""
        if shutil.which(self._way.program) is None:
            return NotRunnable(f"there is no {self._way.program} here to reach {self.name} with", fix=self._way.fix)
        if not any(not self._missing(each, format_name) for each in ARCHITECTURES):
            return NotRunnable(
                f"nothing is prepared for {format_name} on {self.name}",
                fix=f"for a board that `uname -m` calls aarch64: {_install('arm64')} --formats {format_name}; "
                f"x86_64: {_install('x86-64')} --formats {format_name}",
            )
        return None

    def run(self, job: RunJob, *, entry: str, scratch: Path) -> RunResult:
        """Run it there; raises LoadError, RunError or NotRunnable."""
        del scratch
        with closing(self._way.connect()) as transport:
            found = look(transport)
            store = self._store(found.architecture, job.artifact.format)
            device = Remote(transport, found, locks=self._folder)
            circumstances = Circumstances(format=job.artifact.format, target=self.name)
            try:
                result = Guest(device, store).run(job, entry=entry, circumstances=circumstances)
            except IllegalInstruction as error:
                raise RunError(error.message, fix=error.fix) from error
        # Compiled guests know the features that choose kernels; how the processor is called, the system said.
        processor = result.processor or found.processor
        return replace(result, processor=replace(processor, name=processor.name or found.processor.name))

    def _store(self, architecture: Architecture, format_name: str) -> Store:
        name = next(each for each, known in ARCHITECTURES.items() if known is architecture)
        if missing := self._missing(name, format_name):
            raise NotRunnable(
                f"{self.name} is a machine of {name}, which is not prepared for {format_name}: "
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
                fix=f"{_install(name)} --formats {format_name}",
            )
        return Store(self._folder / name, architecture)

    def _missing(self, name: str, format_name: str) -> list[str]:
        store = Store(self._folder / name, ARCHITECTURES[name])
        return [part for part in (ROOT, PYTHON, format_name) if not store.has(part)]


def _install(name: str) -> str:
    return f"edgeproof targets install {name}"

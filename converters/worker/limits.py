"""How much a job may take; what the user did not say comes from the machine and the size of the file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from .confinement import Confinement

# A conversion holds a model several times: as it was stored, as weights, as a graph, and written out.
_LEAST_MEMORY = 8 << 30
_MEMORY_PER_BYTE = 24
_SHARE_OF_MACHINE = 0.9
_LEAST_FILE = 4 << 30
_FILE_PER_BYTE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Workers at a time, seconds per job, bytes per worker; `input_size` is that of the file that is opened."""

    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    timeout: float = 1800.0
    memory: int | None = None
    input_size: int = 0

    def for_input(self, path: str | Path | None) -> Limits:
        """These limits when `path`, a file or a folder, is what workers open."""
        return self if path is None else replace(self, input_size=size_on_disk(Path(path)))

    @property
    def confinement(self) -> Confinement:
        """The bounds of a worker that opens a file of unknown origin."""
        return Confinement(
            memory=self.memory or _default_memory(self.input_size),
            file_size=max(_LEAST_FILE, _FILE_PER_BYTE * self.input_size),
        )


def _default_memory(input_size: int) -> int:
    wanted = max(_LEAST_MEMORY, _MEMORY_PER_BYTE * input_size)
    machine = _memory_of_machine()
    return wanted if machine is None else min(wanted, int(machine * _SHARE_OF_MACHINE))


def _memory_of_machine() -> int | None:
    """What there is in all, or less where a control group allows less; None where nobody tells."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    try:
        allowed = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return found
    return min(found, int(allowed)) if allowed.isdigit() else found


def size_on_disk(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; what cannot be looked at counts nothing."""
    files = path.rglob("*") if path.is_dir() else (path,)
    total = 0
    for file in files:
        try:
            total += file.stat().st_size
        except OSError:
            continue
    return total

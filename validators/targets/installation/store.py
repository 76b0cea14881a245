"""Keeps the parts of a prepared target: built in a temporary place, renamed when whole, listed in a lock file."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ....converters.errors import NotRunnable
from ....converters.writing import write_atomically
from ..architecture import Architecture
from .parts import Build, Building, Built

_PART = "part.json"
_LOCK = "lock.json"
_BUILDING = ".building-"
_REMOVING = ".removing-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that stands: what it was made of, its number of files, their bytes, and the seconds it took."""

    built: Built
    files: int
    bytes: int
    seconds: float

    @property
    def key(self) -> str:
        """What tells it from every other part: a hash of what it was made of."""
        return hashlib.sha256(msgspec.json.encode((self.built, self.files, self.bytes))).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """All parts of a target, by name."""

    schema: int = 1
    parts: dict[str, Part] = field(default_factory=dict[str, Part])


class Store:
    """The parts of one architecture in `folder`."""

    def __init__(self, folder: Path, architecture: Architecture) -> None:
        self.folder = folder
        self._architecture = architecture

    def place(self, name: str) -> Path:
        """The folder of a part."""
        return self.folder / name

    def part(self, name: str) -> Part | None:
        """The part of that name if it stands whole; None if it is not there, or something of it is gone."""
        part = _recorded(self.place(name) / _PART)
        if part is None:
            return None
        files, size = _extent(self.place(name))
        return part if files >= part.files and size >= part.bytes else None

    def has(self, name: str) -> bool:
        """Whether a part was finished; `part` looks at every file of it."""
        return (self.place(name) / _PART).is_file()

    @property
    def facts(self) -> dict[str, str]:
        """What the parts that stand say of themselves."""
        found: dict[str, str] = {}
        for record in sorted(self.folder.glob(f"*/{_PART}")):
            part = _recorded(record)
            found.update(part.built.facts if part else {})
        return found

    def build(self, name: str, build: Build) -> Part:
        """Build a part and put it in its place, whole; what was there goes. Raises NotRunnable."""
        started = time.monotonic()
        with self._temporary() as scratch:
            folder = scratch / "part"
            folder.mkdir()
            work = scratch / "work"
            work.mkdir()
            try:
                built = build(Building(architecture=self._architecture, folder=folder, scratch=work, facts=self.facts))
                files, size = _extent(folder)
                part = Part(built=built, files=files, bytes=size, seconds=round(time.monotonic() - started, 1))
                (folder / _PART).write_bytes(msgspec.json.format(msgspec.json.encode(part)))
                self._remove(self.place(name))
                folder.rename(self.place(name))
            except OSError as error:
                raise NotRunnable(
                    f"{name} could not be written to {self.folder}: {error.strerror or error}",
                    fix="free some space, or choose another folder with $EDGEPROOF_CACHE; what is done already stays",
                ) from error
        return part

    def write_lock(self) -> Path:
        """Write down what stands: versions and SHA-256 of everything that was fetched."""
        parts = {path.parent.name: self.part(path.parent.name) for path in sorted(self.folder.glob(f"*/{_PART}"))}
        lock = Lock(parts={name: part for name, part in parts.items() if part is not None})
        path = self.folder / _LOCK
        write_atomically(path, msgspec.json.format(msgspec.json.encode(lock)) + b"\n")
        return path

    @contextmanager
    def locked(self) -> Generator[None]:
        """One installation at a time; what killed ones left behind goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f"{self.folder.name}.lock").open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            gone = self.folder.parent.glob(f"{_REMOVING}{self.folder.name}-*")
            for left in (*self.folder.glob(f"{_BUILDING}*"), *self.folder.glob(f"{_REMOVING}*"), *gone):
                shutil.rmtree(left, ignore_errors=True)
            yield

    def remove(self) -> int:
        """Remove everything; returns the bytes that it held."""
        if not self.folder.exists():
            return 0
        with self.locked():
            _, size = _extent(self.folder)
            self._remove(self.folder)
        return size

    def _remove(self, place: Path) -> None:
        """Rename first, so that nobody takes what is half removed for whole."""
        if not place.exists():
            return
        going = Path(tempfile.mkdtemp(prefix=f"{_REMOVING}{place.name}-", dir=place.parent))
        place.rename(going / "gone")
        shutil.rmtree(going)

    @contextmanager
    def _temporary(self) -> Generator[Path]:
        place = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.folder))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _recorded(record: Path) -> Part | None:
    """What a part's record says; None if there is none, or half of one."""
    try:
        return msgspec.json.decode(record.read_bytes(), type=Part)
    except (OSError, msgspec.DecodeError):
        return None


def _extent(folder: Path) -> tuple[int, int]:
    """The number of files and their bytes, without the caches that Python writes later, and without the record."""
    sizes = [path.lstat().st_size for path in _files(folder)]
    return len(sizes), sum(sizes)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix != ".pyc" and path.name != _PART and (path.is_symlink() or path.is_file()):
            yield path

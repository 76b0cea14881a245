"""Brings our own part of a guest together: the Python modules that its runners need, by the hash of their sources."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_ROOMS = ("converters", "validators")


def guest_package(folder: Path) -> Path:
    """A folder in `folder` that holds the package `edgeproof`; made at first, and whenever the sources changed."""
    sources = _sources()
    place = folder / f"guest-{_hash(sources)}"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".guest-", dir=folder))
        for source in sources:
            copy = building / "edgeproof" / source.relative_to(_PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        building.chmod(0o755)
        try:
            building.rename(place)
        except OSError:
            # Somebody else was faster, with the same sources.
            shutil.rmtree(building)
    return place


def _sources() -> list[Path]:
    found = [_PACKAGE / "__init__.py"]
    for room in _ROOMS:
        found += sorted((_PACKAGE / room).rglob("*.py")) + sorted((_PACKAGE / room).glob("*.json"))
    return found


def _hash(sources: list[Path]) -> str:
    found = hashlib.sha256()
    for source in sources:
        found.update(f"{source.relative_to(_PACKAGE)}\n".encode())
        found.update(source.read_bytes())
    return found.hexdigest()[:16]

"""Confines the data that an ONNX model stores beside itself to the model's folder, and to what the files there hold.

Whoever loads a model reads these files: without the rule a model could carry any file of its reader's machine into its
weights (CVE-2024-27318, CVE-2024-5187, CVE-2026-27489).
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..checkpoints.malformed import Malformed, Refused


@dataclass(frozen=True, slots=True)
class SideData:
    """Where a tensor's bytes lie beside the model; a length of None is up to the end of the file."""

    location: str
    offset: int = 0
    length: int | None = None


def side_data(entries: list[tuple[str, str]]) -> SideData:
    """From the keys and values that the model stores; raises Malformed."""
    found = dict(entries)
    numbers = {key: found[key] for key in ("offset", "length") if found.get(key)}
    if len(found) != len(entries) or any(not text.isdecimal() or len(text) > 19 for text in numbers.values()):
        raise Malformed("it describes data in another file in an unknown way")
    length = int(numbers["length"]) if "length" in numbers else None
    return SideData(found.get("location", ""), int(numbers.get("offset", "0")), length)


def missing_side_files(folder: Path, all_data: set[SideData]) -> list[str]:
    """The names of files that are not there; raises Refused for data outside of the folder, Malformed for too short."""
    sizes = {location: _size_of(folder, location) for location in {data.location for data in all_data}}
    for data in all_data:
        size = sizes[data.location]
        if size is not None and data.offset + (data.length or 0) > size:
            raise Malformed(
                f"it refers to {data.length or 0} bytes from {data.offset} in {_shown(data.location)}, which has {size}"
            )
    return sorted(location for location, size in sizes.items() if size is None)


def _size_of(folder: Path, location: str) -> int | None:
    parts = PurePosixPath(location.replace("\\", "/")).parts
    if not parts or location.startswith(("/", "\\")) or ".." in parts or location[1:2] == ":" or "\0" in location:
        raise Refused(f"stores its data outside of its folder: {_shown(location)}")
    path = folder.joinpath(*parts)
    try:
        if folder.resolve() not in path.resolve().parents:
            raise Refused(f"stores its data behind a link that leads out of its folder: {_shown(location)}")
        status = path.stat()
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError) as error:  # a link that leads round is a RuntimeError
        raise Malformed(f"the file {_shown(location)}, which holds its data, cannot be read: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"stores its data in what is no file: {_shown(location)}")
    return status.st_size


def _shown(location: str) -> str:
    return repr(location if len(location) <= 80 else f"{location[:80]}...")

"""Named arrays of many calls in one .npz file: member "<call>/<name>" holds one array."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from .writing import atomic_replacement

Call = Mapping[str, np.ndarray]


def write_calls(path: Path, calls: Iterable[Call]) -> int:
    """Write the calls in order, each a mapping of tensor name to array; returns how many there were.

    Each call is written as it comes, so that memory holds one at a time; equal calls give equal bytes. The file is
    there when it is whole. Raises UsageError if the disk is full.
    """
    count = 0
    with atomic_replacement(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for count, call in enumerate(calls, start=1):
            for name, array in call.items():
                _write_member(archive, f"{count - 1:05d}/{name}", array)
    return count


def _write_member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # A ZipInfo of our own has a fixed date, where a plain name would get the clock's.
    member = zipfile.ZipInfo(f"{name}.npy")
    with archive.open(member, "w", force_zip64=True) as stream:
        np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)


def read_calls(path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Read the calls one after another, so that memory holds one at a time."""
    with np.load(path, allow_pickle=False) as archive:
        grouped: dict[int, list[tuple[str, str]]] = {}
        for member in archive.files:
            index, _, name = member.partition("/")
            grouped.setdefault(int(index), []).append((name, member))
        for index in sorted(grouped):
            yield {name: archive[member] for name, member in grouped[index]}

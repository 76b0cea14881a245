"""Named arrays of many calls in one .npz file: member "<call>/<name>" holds one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

Call = Mapping[str, np.ndarray]


def write_calls(path: Path, calls: Iterable[Call]) -> int:
    """Write the calls in order, each a mapping of tensor name to array; returns how many there were."""
    members: dict[str, np.ndarray] = {}
    count = 0
    for count, call in enumerate(calls, start=1):
        for name, array in call.items():
            members[f"{count - 1:05d}/{name}"] = np.asarray(array)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **members)
    return count


def read_calls(path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Read the calls one after another, so that memory holds one at a time."""
    with np.load(path, allow_pickle=False) as archive:
        grouped: dict[str, list[tuple[str, str]]] = {}
        for member in archive.files:
            index, _, name = member.partition("/")
            grouped.setdefault(index, []).append((name, member))
        for index in sorted(grouped):
            yield {name: archive[member] for name, member in grouped[index]}

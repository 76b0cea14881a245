"""Writes an artifact in parts, so that its weights are not copied in memory, and refuses keys that it has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import UsageError
from ..writing import atomic_replacement


def write_parts(output: Path, parts: Iterable[bytes | bytearray | memoryview]) -> None:
    """Write the parts one after another, whole or not at all; UsageError if the system refuses."""
    with atomic_replacement(output) as partial, partial.open("wb") as stream:
        for part in parts:
            stream.write(part)


def refuse_taken(file: Path, wanted: Iterable[str], taken: Iterable[str]) -> None:
    """Raise UsageError if one of the keys `wanted` is among those that the file has."""
    both = sorted(set(wanted) & set(taken))
    if both:
        raise UsageError(
            f"{file} holds metadata called {', '.join(both)} already",
            fix="convert it again with `edgeproof convert`, or write into the artifact as it was converted",
        )

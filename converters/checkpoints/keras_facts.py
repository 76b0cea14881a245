"""What is asked of a worker that looks at a Keras file, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasLook:
    """What to look at; `architecture` where the file is a config in JSON, without weights."""

    path: str
    architecture: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasArray:
    """One array of weights."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasFacts:
    """What a Keras file holds; `classes` counts what its config names, `refused` is what of that is foreign."""

    layout: str
    version: str | None
    model: str | None
    classes: dict[str, int] = field(default_factory=dict[str, int])
    refused: tuple[str, ...] = ()
    arrays: tuple[KerasArray, ...] = ()

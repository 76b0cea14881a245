"""What reading a checkpoint found: its tensors, where they hang, what it asks of whoever loads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .findings import NamedTensor, TensorFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file of a checkpoint, by its name in the folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A dictionary, list or object inside, with what hangs below it; `kind` is "dict", "list" or a class's name."""

    key: str
    kind: str
    entries: int
    tensors: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What the names in one dictionary (`place`, "" for the outermost) begin with, and how many tensors do."""

    place: str
    prefix: str
    tensors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that can be called: its name, inputs and outputs."""

    name: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointContents:
    """What a kind's reader found.

    `memory_bytes` is what the tensors take when all are loaded, shared storages once. `globals` are the names that a
    pickle or a config asks for, in order, and `refused` those that are not allowed unless the user says so.
    """

    writer: str | None = None
    tensors: tuple[NamedTensor, ...] = ()
    memory_bytes: int = 0
    prefixes: tuple[Prefix, ...] = ()
    branches: tuple[Branch, ...] = ()
    values: dict[str, str] = field(default_factory=dict[str, str])
    globals: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    operators: dict[str, int] = field(default_factory=dict[str, int])
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInspection:
    """A checkpoint that was read and not run; `bytes` is the size of all its files."""

    file: str
    kind: str
    bytes: int
    files: tuple[FileFacts, ...]
    contents: CheckpointContents

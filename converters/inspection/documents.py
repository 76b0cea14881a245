"""What `edgeproof inspect --json` prints: a document for artifacts and one for checkpoints, both with a schema."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..artifact import Format
from ..documents import Document
from .checkpoint_findings import (
    Branch,
    CheckpointInspection,
    FileFacts,
    Function,
    Prefix,
)
from .findings import Inspection, NamedTensor, Partition, TensorFacts, Weights

_SCHEMA = 1
_AGAIN = "run `edgeproof inspect FILE --json` again with this edgeproof"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactDocument:
    """An artifact: `operators` are those outside of every partition, `undelegated` is their number.

    `tensors` are the weights one by one, in formats that name them.
    """

    schema: int
    file: str
    format: Format
    bytes: int
    sha256: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    operators: dict[str, int]
    weights: Weights
    partitions: tuple[Partition, ...]
    versions: dict[str, str]
    metadata: dict[str, str]
    notes: tuple[str, ...]
    tensors: tuple[NamedTensor, ...]
    undelegated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDocument:
    """A checkpoint: `bytes` on disk, `memory_bytes` when all tensors are loaded, shared storages once.

    `globals` are the names that its pickle asks for, `refused` what is not allowed unless the user trusts the file.
    `operators` are those of a program or the classes of a Keras config, with how often each occurs.
    """

    schema: int
    file: str
    kind: str
    bytes: int
    files: tuple[FileFacts, ...]
    writer: str | None
    tensors: tuple[NamedTensor, ...]
    memory_bytes: int
    prefixes: tuple[Prefix, ...]
    branches: tuple[Branch, ...]
    values: dict[str, str]
    globals: tuple[str, ...]
    refused: tuple[str, ...]
    functions: tuple[Function, ...]
    operators: dict[str, int]
    metadata: dict[str, str]
    notes: tuple[str, ...]


ARTIFACT = Document(content=ArtifactDocument, title="inspection of an artifact", schema=_SCHEMA, fix=_AGAIN)
CHECKPOINT = Document(content=CheckpointDocument, title="inspection of a checkpoint", schema=_SCHEMA, fix=_AGAIN)


def encode(found: Inspection | CheckpointInspection) -> bytes:
    """An inspection as indented JSON."""
    inside = {field.name: getattr(found.contents, field.name) for field in fields(found.contents)}
    if isinstance(found, CheckpointInspection):
        return CHECKPOINT.encode(
            CheckpointDocument(
                schema=_SCHEMA, file=found.file, kind=found.kind, bytes=found.bytes, files=found.files, **inside
            )
        )
    return ARTIFACT.encode(
        ArtifactDocument(
            schema=_SCHEMA,
            file=found.file,
            format=found.format,
            bytes=found.bytes,
            sha256=found.sha256,
            undelegated=found.undelegated,
            **inside,
        )
    )

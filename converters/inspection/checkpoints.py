"""Tells what is in a checkpoint, whatever its kind, without running anything of it and without a framework."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.kinds import FileKind
from ..checkpoints.opening import mapped
from ..checkpoints.torch_checkpoint import read_torch_checkpoint
from .checkpoint_findings import CheckpointContents, CheckpointInspection, FileFacts
from .checkpoint_tree import pickled_contents
from .keras_models import keras_contents
from .programs import exported_program_contents, saved_model_contents, saved_model_files
from .weight_files import (
    files_of_index,
    files_of_transformers,
    safetensors_contents,
    shards_contents,
    transformers_contents,
)

_CHUNK = 16 << 20


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one kind is read, and which files belong to it."""

    contents: Callable[[Path], CheckpointContents]
    files: Callable[[Path], list[Path]] = lambda path: [path]


_TORCH = _Reader(lambda path: pickled_contents(read_torch_checkpoint(path)))
_KERAS = _Reader(keras_contents)
_READERS = {
    FileKind.TORCH_ZIP: _TORCH,
    FileKind.TORCH_PICKLE: _TORCH,
    FileKind.TORCH_TAR: _TORCH,
    FileKind.EXPORTED_PROGRAM: _Reader(exported_program_contents),
    FileKind.SAFETENSORS: _Reader(safetensors_contents),
    FileKind.SAFETENSORS_INDEX: _Reader(lambda path: shards_contents(files_of_index(path)[0]), files_of_index),
    FileKind.TRANSFORMERS: _Reader(transformers_contents, files_of_transformers),
    FileKind.KERAS: _KERAS,
    FileKind.HDF5: _KERAS,
    FileKind.KERAS_JSON: _Reader(lambda path: keras_contents(path, architecture=True)),
    FileKind.SAVED_MODEL: _Reader(
        lambda path: saved_model_contents(_folder_of(path)), lambda path: saved_model_files(_folder_of(path))
    ),
}


def inspect_checkpoint(path: Path, kind: FileKind) -> CheckpointInspection:
    """Read a checkpoint of a kind that is no artifact; raises SourceError, UnsafeInput.

    A file is read once for its SHA-256; what else is looked at is a small part of it, mapped into memory.
    """
    reader = _READERS[kind]
    contents = reader.contents(path)
    files = tuple(_facts(path, reader.files(path)))
    return CheckpointInspection(
        file=str(path), kind=str(kind), bytes=sum(file.bytes for file in files), files=files, contents=contents
    )


def _facts(path: Path, files: Iterable[Path]) -> Iterable[FileFacts]:
    home = path if path.is_dir() else path.parent
    for file in files:
        data = mapped(file)
        name = str(file.relative_to(home)) if file.is_relative_to(home) else file.name
        yield FileFacts(name=name, bytes=len(data), sha256=sha256_of(data))


def sha256_of(data: memoryview) -> str:
    """The digest, in chunks, so that a signal is heard in between."""
    digest = hashlib.sha256()
    for start in range(0, len(data), _CHUNK):
        digest.update(data[start : start + _CHUNK])
    return digest.hexdigest()


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent

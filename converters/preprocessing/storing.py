"""Writes a specification into the folder of what was made with it, its tokenizer's files beside it."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import msgspec

from ..manifest import file_sha256
from ..writing import explained_write_errors, write_atomically
from .spec import DOCUMENT, FILE_NAME, TOKENIZER, TextSpec, read_spec


def store_spec(path: Path, folder: Path) -> str:
    """Write preprocess.json with all that the specification in `path` says, defaults too; returns its SHA-256.

    Raises UsageError if the disk is full.
    """
    spec = read_spec(path)
    if isinstance(spec, TextSpec):
        names = {name: f"{TOKENIZER}/{PurePosixPath(name).name}" for name in spec.tokenizer}
        (folder / TOKENIZER).mkdir()
        for old, new in names.items():
            with explained_write_errors(folder / new):
                shutil.copyfile(path.parent / old, folder / new)
        spec = msgspec.structs.replace(spec, tokenizer=tuple(names.values()))
    stored = folder / FILE_NAME
    write_atomically(stored, DOCUMENT.encode(spec))
    return file_sha256(stored)

"""Texts as extra files of a TorchScript archive, which torch.jit.load gives back in its _extra_files."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..checkpoints.archives import CheckedZip
from ..writing import atomic_replacement
from .parts import refuse_taken

_FOLDER = "extra/"


def embed_torchscript(file: Path, output: Path, entries: Mapping[str, str]) -> None:
    """Write `file` with the entries to `output`; UsageError if a key is taken.

    What is there stays where it is, so that tensors keep their alignment.
    """
    with CheckedZip(file) as archive:
        names = archive.names()
    root = names[0].partition("/")[0]
    taken = (name.partition("/")[2].removeprefix(_FOLDER) for name in names if f"/{_FOLDER}" in name)
    refuse_taken(file, entries, taken)
    with atomic_replacement(output) as partial:
        shutil.copyfile(file, partial)
        with zipfile.ZipFile(partial, "a") as archive:
            for key, text in entries.items():
                # A ZipInfo of our own has a fixed date, where a plain name would get the clock's.
                archive.writestr(zipfile.ZipInfo(f"{root}/{_FOLDER}{key}"), text.encode())

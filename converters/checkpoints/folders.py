"""Says what kind of model a folder holds: SavedModel, Transformers, or weights in shards."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import SourceError
from .kinds import FileKind
from .opening import unreadable

SAVED_MODEL_FILE = "saved_model.pb"
CONFIG_FILE = "config.json"
# In the order in which they are preferred; the others hold the same weights as pickles.
TRANSFORMERS_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SHARDS = ".safetensors.index.json"
_MOST_ENTRIES = 100_000


def recognise_folder(folder: Path) -> FileKind:
    """The kind of a folder; SourceError if it holds no model that we know."""
    names = entries(folder)
    if SAVED_MODEL_FILE in names:
        return FileKind.SAVED_MODEL
    if CONFIG_FILE in names and any(name in names for name in TRANSFORMERS_WEIGHTS):
        return FileKind.TRANSFORMERS
    if len([name for name in names if name.endswith(_SHARDS)]) == 1:
        return FileKind.SAFETENSORS_INDEX
    if CONFIG_FILE in names:
        raise SourceError(
            f"{folder} is a folder with a {CONFIG_FILE} and without weights: none of {', '.join(TRANSFORMERS_WEIGHTS)}",
            fix="fetch the weights into it, or save the model again with save_pretrained",
        )
    raise SourceError(
        f"{folder} is a folder that holds no model that we know ({_listed(names)})", fix="name the file inside it"
    )


def index_in(folder: Path) -> Path:
    """The index of the shards in a folder that was recognised as such."""
    return folder / next(name for name in entries(folder) if name.endswith(_SHARDS))


def entries(folder: Path) -> list[str]:
    """The names in a folder, in order; SourceError if it cannot be listed."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone, of which a hub's folder may have many
    except OSError as error:
        raise unreadable(folder, error) from error
    return names[:_MOST_ENTRIES]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"it has {', '.join(names[:4])}{more}" if names else "it is empty"

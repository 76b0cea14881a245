"""What a Keras file says about its model: its config, judged by names, and how its weights are stored."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py

from ..errors import SourceError
from ..source import Opening, Trust
from .archives import LARGEST_TEXT, CheckedZip
from .hdf5 import opened, text_of
from .keras_vetting import bind, names_of, vet, without_training
from .malformed import Malformed
from .opening import damage_named, mapped_file

_ZIP = "Keras model"
_WEIGHTS = "model.weights.h5"
_SAVE_AGAIN = (
    "save the model again (model.save), or build it in a factory and give that: --model path/to/model.py:build"
)
# Where Keras 3 (and the last Keras 2) put weights below the root of a .weights.h5 file.
_TREES = ("layers", "_layer_checkpoint_dependencies", "vars", "_functional_layer_checkpoint_dependencies")


class Layout(StrEnum):
    """How a file of Keras stores its weights."""

    ARCHIVE = "a .keras archive"
    MODEL = "a whole model in HDF5"
    TREE = "weights in HDF5, in Keras 3's tree"
    LIST = "weights in HDF5, in Keras 2's list of layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A Keras file: `config` is None where it holds weights alone, `version` that of the Keras that wrote it."""

    layout: Layout
    version: str | None
    config: dict[str, Any] | None


def read_keras_file(path: Path, opening: Opening, *, weights_only: bool = False) -> StoredModel:
    """The file's contents but its weights; `weights_only` leaves its config unread.

    Raises SourceError for what is damaged, UnsafeInput if the config names what the user has not allowed.
    """
    found = _of_archive(path) if _is_archive(path) else _of_hdf5(path)
    config = None if weights_only or found.config is None else _judged(found.config, path, opening)
    return StoredModel(layout=found.layout, version=found.version, config=config)


def read_architecture(path: Path, opening: Opening) -> StoredModel:
    """What model.to_json() wrote; raises SourceError, UnsafeInput."""
    data = mapped_file(path)
    with damage_named(path, "Keras architecture"):
        if len(data) > LARGEST_TEXT:
            raise Malformed("it is larger than any architecture")
        config = _parsed(data[:])
    version = config.get("keras_version")
    return StoredModel(
        layout=Layout.LIST,
        version=version if isinstance(version, str) else None if "module" in config else "2",
        config=_judged(config, path, opening),
    )


@contextmanager
def weights_of(path: Path) -> Generator[tuple[Path, h5py.File]]:
    """The file that holds the weights, looked at and open; that of an archive is unpacked for as long as it is used."""
    if not _is_archive(path):
        with opened(path) as file:
            yield path, file
        return
    with tempfile.TemporaryDirectory(prefix="edgeproof-") as folder:
        unpacked = Path(folder, _WEIGHTS)
        with damage_named(path, _ZIP), CheckedZip(path) as archive:
            if _WEIGHTS not in archive.names():
                raise Malformed(f"its entry {_WEIGHTS!r} is missing")
            unpacked.write_bytes(archive.read(_WEIGHTS, limit=archive.members[_WEIGHTS].file_size))
        with opened(unpacked) as file:
            yield unpacked, file


def _is_archive(path: Path) -> bool:
    return mapped_file(path)[:2] == b"PK"


def _of_archive(path: Path) -> StoredModel:
    with damage_named(path, _ZIP), CheckedZip(path) as archive:
        config = _parsed(archive.read("config.json"))
        metadata = _parsed(archive.read("metadata.json")) if "metadata.json" in archive.names() else {}
        assets = [name for name in archive.names() if name.startswith("assets/")]
    if assets:
        raise SourceError(
            f"{path} keeps files beside its weights ({assets[0]}), which only layers for text read",
            fix="build the model without them in a factory, and give that: path/to/model.py:build",
        )
    return StoredModel(layout=Layout.ARCHIVE, version=_text(metadata, "keras_version"), config=config)


def _of_hdf5(path: Path) -> StoredModel:
    with opened(path) as file:
        text, version = text_of(file, "model_config"), text_of(file, "keras_version")
        listed, tree = "layer_names" in file.attrs, any(name in file for name in _TREES)
    if text is not None:
        with damage_named(path, "Keras model in HDF5"):
            return StoredModel(layout=Layout.MODEL, version=version, config=_parsed(text.encode()))
    if listed or tree:
        return StoredModel(layout=Layout.LIST if listed else Layout.TREE, version=version, config=None)
    raise SourceError(
        f"{path} is an HDF5 file, and holds neither a Keras model nor weights of one",
        fix="give the file that model.save or model.save_weights wrote",
    )


def _judged(config: dict[str, Any], path: Path, opening: Opening) -> dict[str, Any]:
    with damage_named(path, "Keras model"):
        bare: dict[str, Any] = without_training(config)
    vet(bare, path, opening)
    if Trust.CODE not in opening.trust:
        bind(bare, names_of(opening))
    return bare


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
        if b"\\ud" in data.lower():  # halves of characters: no text, and nothing that could be passed on
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed(f"its config is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Malformed("its config is no JSON object")
    return found


def _text(found: Mapping[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) else None


def without_architecture(path: Path) -> SourceError:
    """The error for weights that came without what they belong to."""
    return SourceError(
        f"{path.name} holds weights only, no architecture",
        fix="name what builds it: --model path/to/model.py:build, or --model architecture.json; or " + _SAVE_AGAIN,
    )

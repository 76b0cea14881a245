"""Tells the JSON files that belong to models: Keras architectures, indices of shards, configs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import SourceError
from .kinds import FileKind

_LARGEST = 100_000_000


def recognise_json(path: Path, data: memoryview) -> FileKind:
    """The kind of a JSON file; SourceError if it is damaged or belongs to no model."""
    document = _read(path, data)
    if isinstance(document, dict):
        if "class_name" in document and "config" in document:
            return FileKind.KERAS_JSON
        shards = document.get("weight_map")
        if isinstance(shards, dict) and shards:
            return _kind_of_index(path, shards)
        if "model_type" in document or "architectures" in document:
            raise SourceError(
                f"{path} is the config of a Transformers model, which needs the weights beside it",
                fix=f"name the folder: {path.parent}",
            )
    raise SourceError(
        f"{path} is a JSON file, and neither a Keras architecture nor an index of shards",
        fix="name the file or folder that holds the weights",
    )


def _read(path: Path, data: memoryview) -> Any:
    if len(data) > _LARGEST:
        raise SourceError(
            f"{path} is a text of {len(data):,} bytes, and no model that we know", fix="name a checkpoint"
        )
    try:
        return json.loads(data.tobytes())
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path} looks like JSON, and is damaged or cut off: {str(error)[:200]}",
            fix="fetch or save the checkpoint again",
        ) from error


def _kind_of_index(path: Path, shards: dict[Any, Any]) -> FileKind:
    if all(isinstance(name, str) and name.endswith(".safetensors") for name in shards.values()):
        return FileKind.SAFETENSORS_INDEX
    raise SourceError(
        f"{path} is an index of shards that are no safetensors files",
        fix="save the model again with safe_serialization=True, or name one shard",
    )

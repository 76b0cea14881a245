"""Sums up safetensors files, their shards and Transformers folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from ..checkpoints.contents import StoredTensor
from ..checkpoints.folders import CONFIG_FILE, TRANSFORMERS_WEIGHTS, entries, index_in
from ..checkpoints.malformed import Malformed
from ..checkpoints.opening import damage_named, mapped
from ..checkpoints.safetensors_header import read_safetensors_file, read_shards, shards_of
from ..checkpoints.torch_checkpoint import read_torch_checkpoint
from ..errors import SourceError
from .checkpoint_findings import CheckpointContents
from .checkpoint_tree import memory_of, pickled_contents, prefixes_of, tensor_facts

_LARGEST_CONFIG = 10_000_000
_SHOWN = ("architectures", "model_type", "dtype", "torch_dtype")


def safetensors_contents(path: Path) -> CheckpointContents:
    """What one file holds."""
    tensors, metadata = read_safetensors_file(path)
    return _contents(tensors, metadata)


def shards_contents(index: Path) -> CheckpointContents:
    """What the shards of an index hold together."""
    return _contents(read_shards(index), {"shards": str(len(set(shards_of(index).values())))})


def files_of_index(path: Path) -> list[Path]:
    """The index and its shards; `path` may be the folder of a single index."""
    index = index_in(path) if path.is_dir() else path
    return [index, *dict.fromkeys(shards_of(index).values())]


def files_of_transformers(folder: Path) -> list[Path]:
    """The config and what holds the weights."""
    weights = _weights_in(folder)
    return [folder / CONFIG_FILE, *(files_of_index(weights) if weights.suffix == ".json" else [weights])]


def transformers_contents(folder: Path) -> CheckpointContents:
    """What a Transformers folder holds: its config in few words, and its weights."""
    config = _config(folder / CONFIG_FILE)
    weights = _weights_in(folder)
    if weights.suffix == ".json":
        found = shards_contents(weights)
    elif weights.suffix == ".bin":
        found = pickled_contents(read_torch_checkpoint(weights))
    else:
        found = safetensors_contents(weights)
    version = config.get("transformers_version")
    return CheckpointContents(
        writer=f"transformers {version}" if isinstance(version, str) else found.writer,
        tensors=found.tensors,
        memory_bytes=found.memory_bytes,
        prefixes=found.prefixes,
        branches=found.branches,
        globals=found.globals,
        refused=(*found.refused, *_code_of(config)),
        metadata={**{key: _text(config[key]) for key in _SHOWN if key in config}, **found.metadata},
        notes=tuple(_notes(folder, config)),
    )


def _contents(tensors: dict[str, StoredTensor], metadata: dict[str, str]) -> CheckpointContents:
    return CheckpointContents(
        tensors=tuple(tensor_facts(name, tensor) for name, tensor in tensors.items()),
        memory_bytes=memory_of(tensors.values()),
        prefixes=tuple(prefixes_of("", tensors)),
        metadata=metadata,
    )


def _weights_in(folder: Path) -> Path:
    names = entries(folder)
    name = next(name for name in TRANSFORMERS_WEIGHTS if name in names)
    if name == "pytorch_model.bin.index.json":
        raise SourceError(
            f"{folder} keeps its weights as pickles in shards, which are not read",
            fix="save the model again with safe_serialization=True",
        )
    return folder / name


def _config(path: Path) -> dict[str, Any]:
    data = mapped(path)
    with damage_named(path, "config of a Transformers model"):
        if len(data) > _LARGEST_CONFIG:
            raise Malformed(f"it is {len(data):,} bytes long")
        try:
            config = json.loads(data.tobytes())
        except (ValueError, RecursionError) as error:
            raise Malformed(f"its JSON cannot be read: {str(error)[:200]}") from error
        if not isinstance(config, dict):
            raise Malformed("its JSON is no object")
        return cast("dict[str, Any]", config)


def _code_of(config: dict[str, Any]) -> list[str]:
    """The classes that a config takes from Python files of its own."""
    named = config.get("auto_map")
    if not isinstance(named, dict):
        return []
    return list(dict.fromkeys(_text(name) for name in cast("dict[str, Any]", named).values()))


def _notes(folder: Path, config: dict[str, Any]) -> list[str]:
    code = [name for name in entries(folder) if name.endswith(".py")]
    notes = [f"holds Python code, which is not run: {', '.join(code[:4])}"] if code else []
    if _code_of(config):
        notes.append("its config names code of its own, which --trust-remote-code would run")
    return notes


def _text(value: Any) -> str:
    text = ", ".join(str(part) for part in cast("list[object]", value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."

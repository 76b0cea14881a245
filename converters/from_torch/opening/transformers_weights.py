"""Finds and reads the weights in a Transformers folder."""

from __future__ import annotations

from pathlib import Path

import torch

from ...checkpoints.contents import StoredTensor
from ...checkpoints.safetensors_header import read_safetensors, shards_of
from ...checkpoints.torch_checkpoint import read_torch_checkpoint
from ...errors import SourceError
from .stored_tensors import TensorLoader

# In the order in which Transformers itself prefers them.
NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def read_folder(folder: Path) -> tuple[dict[str, torch.Tensor], str]:
    """The tensors by key, and the name of the file they came from; SourceError if there is none."""
    for name in NAMES:
        if (folder / name).is_file():
            return TensorLoader().tensors(_read(folder / name)), name
    raise SourceError(
        f"{folder} has a config.json but no weights that PyTorch could read ({', '.join(NAMES)})",
        fix="fetch the weights too, or save them with model.save_pretrained(folder)",
    )


def _read(path: Path) -> dict[str, StoredTensor]:
    if "safetensors" in path.name:
        return read_safetensors(path)
    if path.suffix != ".json":
        return _read_pickled(path)
    where = shards_of(path)
    shards = {file: _read_pickled(file) for file in dict.fromkeys(where.values())}
    absent = [name for name, file in where.items() if name not in shards[file]]
    if absent:
        raise SourceError(
            f"{path.name} names {len(absent)} tensors that its shards do not hold, {absent[0]!r} among them",
            fix="fetch the index and all shards again, of one version",
        )
    return {name: shards[file][name] for name, file in where.items()}


def _read_pickled(path: Path) -> dict[str, StoredTensor]:
    root = read_torch_checkpoint(path).root
    tensors = {name: value for name, value in root.items() if isinstance(name, str)} if isinstance(root, dict) else {}
    plain = {name: value for name, value in tensors.items() if isinstance(value, StoredTensor)}
    if not plain or not isinstance(root, dict) or len(plain) != len(root):
        raise SourceError(
            f"{path.name} is no plain state_dict: {len(plain)} of its entries are tensors",
            fix="save the model again with save_pretrained(folder)",
        )
    return plain

"""Finds and reads the weights in a Transformers folder."""

from __future__ import annotations

from pathlib import Path

import torch

from ...errors import SourceError
from .state_dict import read_weights

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
            return dict(read_weights(folder / name)), name
    raise SourceError(
        f"{folder} has a config.json but no weights that PyTorch could read ({', '.join(NAMES)})",
        fix="fetch the weights too, or save them with model.save_pretrained(folder)",
    )

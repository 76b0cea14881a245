"""A sample model of this repository as a factory that returns its trained weights and a real input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from edgeproof import sample_models
from edgeproof.sample_models.digits_cnn.model import build


def digits_cnn() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The digit classifier, and one digit (1, 1, 28, 28)."""
    folder = Path(sample_models.__file__).parent / "digits_cnn"
    model = build()
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    with np.load(folder / "evaluation.npz") as rows:
        return model, (torch.from_numpy(rows["image"][:1]),)

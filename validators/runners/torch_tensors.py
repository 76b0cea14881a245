"""Arrays to torch tensors and back, for the runtimes that speak torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .protocol import Array


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor of its own memory: what a model does to its input in place must not reach the caller's array."""
    return torch.from_numpy(np.array(array, order="C"))


def as_arrays(outputs: Any) -> list[Array]:
    """Tensors, numbers, and mappings and sequences of them, flattened in order, as arrays of their own memory."""
    if isinstance(outputs, torch.Tensor):
        return [np.array(outputs.detach().cpu().resolve_conj().resolve_neg().numpy())]
    if isinstance(outputs, Mapping):
        return [array for value in outputs.values() for array in as_arrays(value)]
    if isinstance(outputs, Sequence) and not isinstance(outputs, str):
        return [array for value in outputs for array in as_arrays(value)]
    if outputs is None:
        return []
    return [np.asarray(outputs)]

"""Fills the architecture that a factory built with the weights of a checkpoint."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...checkpoints.recognise import FileKind, recognise
from ...errors import SourceError, UnsafeInput
from ...source import Source
from .matching import first_line, require_match

_SHOWN = 5


def fill(module: torch.nn.Module, source: Source) -> tuple[str, ...]:
    """Load the weights strictly; returns what to note. SourceError, UnsafeInput."""
    path = Path(source.path or "")
    weights = read_weights(path)
    require_match(path.name, weights, module.state_dict())
    module.load_state_dict(dict(weights))
    return ()


def read_weights(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a state_dict file, without running anything that is in it."""
    weights = _read_safetensors(path) if recognise(path) is FileKind.SAFETENSORS else _read_torch(path)
    foreign = {key: type(value).__name__ for key, value in weights.items() if not isinstance(value, torch.Tensor)}
    if foreign:
        seen = ", ".join(f"{key} ({kind})" for key, kind in list(foreign.items())[:_SHOWN])
        raise SourceError(
            f"{path.name} is not a plain state_dict: {len(foreign)} of {len(weights)} entries are no tensors: {seen}",
            fix="save the weights alone: torch.save(checkpoint['state_dict'], 'weights.pt')",
        )
    return weights


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SourceError(f"{path} is broken: {error}", fix="fetch or save the checkpoint again") from error


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafeInput(
            f"{path.name} holds more than tensors, and opening it would run code from the file: {first_line(error)}",
            fix="save the weights alone: torch.save(model.state_dict(), 'weights.pt')",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise SourceError(
            f"{path} is broken: {first_line(error)} (it may be truncated)", fix="fetch or save the checkpoint again"
        ) from error
    if not isinstance(loaded, Mapping):
        raise SourceError(
            f"{path.name} holds a {type(loaded).__name__}, expected a state_dict",
            fix="save model.state_dict() instead",
        )
    return loaded

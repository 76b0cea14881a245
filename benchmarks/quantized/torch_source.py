"""The torch models as their authors hand them over, and what they answer."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .calls import Call, read_calls, write_outputs
from .subjects import Subject, subject

Tensors = tuple[Tensor, ...]


class Flat(nn.Module):
    """A module whose outputs are a tuple, in the order in which the module has them."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensors:
        """As the module, in its order."""
        return flat(self.module(*inputs))


def flat(outputs: Any) -> Tensors:
    """A tensor, or several in a tuple, a list or a dict."""
    if isinstance(outputs, Tensor):
        return (outputs,)
    return tuple(outputs.values() if isinstance(outputs, dict) else outputs)


def load(name: str) -> nn.Module:
    """The module in evaluation mode."""
    return _module_of(subject(name)).eval().requires_grad_(requires_grad=False)


def _module_of(wanted: Subject) -> nn.Module:
    if wanted.item:
        module: nn.Module = getattr(importlib.import_module("torch_models"), wanted.item.model)()[0]
        return module
    assert wanted.sample
    module = importlib.import_module(f"edgeproof.sample_models.{wanted.name}.model").build()
    assert isinstance(module, nn.Module)
    module.load_state_dict(load_file(wanted.sample.folder / wanted.sample.source))
    return module


def tensors(call: Call) -> Tensors:
    """Arguments for the module."""
    return tuple(torch.from_numpy(array.copy()) for array in call.values())


def calls(path: str, shapes: Mapping[str, Sequence[int]]) -> list[Tensors]:
    """Those of a file as arguments for the module."""
    return [tensors(call) for call in read_calls(Path(path), shapes)]


def reference(*, name: str, shapes: dict[str, list[int]], outputs: list[str], calls: str, path: str) -> None:
    """Write what the source answers to every call of a file."""
    module = load(name)
    with torch.no_grad():
        answers = [flat(module(*tensors(call))) for call in read_calls(Path(calls), shapes)]
    named = [{key: value.numpy() for key, value in zip(outputs, answer, strict=True)} for answer in answers]
    write_outputs(Path(path), named)

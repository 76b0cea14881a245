"""Fills the architecture that a factory built with the weights of a checkpoint, without running anything in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn.parameter import is_lazy

from ...checkpoints.contents import Key, Tree
from ...checkpoints.recognise import FileKind, recognise
from ...checkpoints.safetensors_header import read_safetensors
from ...checkpoints.torch_checkpoint import read_torch_checkpoint
from ...errors import SourceError, UsageError
from ...source import Source
from .choosing import Choice, choose
from .matching import Shape, few, fit, listed, prefix_that_fits
from .stored_tensors import TensorLoader
from .torchscript import open_checked
from .weight_sets import objects_in

_LIGHTNING = "pytorch-lightning_version"


def fill(module: torch.nn.Module, source: Source) -> tuple[str, ...]:
    """Load the weights strictly; returns what to note.

    SourceError if they do not fit or the file is damaged, UnsafeInput for an archive that leaves its folder.
    """
    path = Path(source.path or "")
    if recognise(path) is FileKind.TORCHSCRIPT:
        if source.opening.weights is not None:
            raise UsageError(f"{path.name} is TorchScript, and has no keys to choose from", fix="leave out --weights")
        return _fill_from_script(module, path)
    root = read_tree(path)
    choice = choose(path.name, root, _wanted(module), source.opening.weights)
    tensors = TensorLoader().tensors(choice.tensors)
    own = module.state_dict()
    tensors.update({name: own[name] for name in choice.fit.counters})
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise SourceError(
            f"the model refuses the weights of {path.name}: {error}",
            fix="build the architecture these weights were trained with (--model, --model-arg)",
        ) from error
    return tuple(_notes(root, choice))


def _fill_from_script(module: torch.nn.Module, path: Path) -> tuple[str, ...]:
    """The weights of a TorchScript archive, whose names are those of the module it was made of."""
    state = open_checked(path).state_dict()
    shapes: dict[str, Shape] = {name: tuple(value.shape) for name, value in state.items()}
    found = fit(shapes, _wanted(module))
    if not found.whole:
        raise SourceError(
            f"{path.name} does not fit the model ({len(state)} keys): {found.findings()}",
            fix=prefix_that_fits(shapes, _wanted(module)) or "build the architecture that this TorchScript was made of",
        )
    own = module.state_dict()
    kept = {name: own[name] for name in found.counters}
    module.load_state_dict({**{name.removeprefix(found.prefix): value for name, value in state.items()}, **kept})
    prefix = f", without the prefix {found.prefix!r}" if found.prefix else ""
    return (f"the weights are those of a TorchScript archive{prefix}",)


def read_tree(path: Path) -> Tree:
    """All that a weights file holds, tensors as places in it."""
    if recognise(path) in (FileKind.SAFETENSORS, FileKind.SAFETENSORS_INDEX):
        return dict[Key, Tree](read_safetensors(path).items())
    return read_torch_checkpoint(path).root


def _wanted(module: torch.nn.Module) -> dict[str, Shape]:
    state = module.state_dict()
    return {
        name: None if is_lazy(value) else tuple(value.shape)
        for name, value in state.items()
        if isinstance(value, torch.Tensor)
    }


def _notes(root: Tree, choice: Choice) -> Iterator[str]:
    if choice.weights.module:
        yield f"the weights are those of a pickled {choice.weights.module}, which was not opened itself"
    lightning = root.get(_LIGHTNING) if isinstance(root, dict) else None
    if isinstance(lightning, str):
        yield f"the checkpoint was written by Lightning {lightning}"
    if choice.weights.key:
        yield f"the weights are those at {choice.weights.key!r} in the checkpoint"
    if choice.fit.prefix:
        yield f"the prefix {choice.fit.prefix!r} was taken off every key of the weights"
    if choice.fit.counters:
        yield f"the checkpoint lacks {listed('counters', choice.fit.counters)}, which no result depends on"
    if choice.weights.values:
        yield f"left aside: {listed('entries that are no tensors', choice.weights.values)}"
    unopened = objects_in(root)
    if unopened:
        yield f"left aside and not opened: objects of {few(unopened)}"

"""Opens a PyTorch source, each kind by its own file in opening/."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import torch

from ..errors import SourceError
from ..source import Source, SourceKind
from ..user_code import call_factory
from .opening.opened import Opened

_SHOWN = 5
_SEED = 0  # an untrained model must be the same in every worker that builds it

# Rows of text, since importing transformers takes seconds that the other kinds need not wait for.
_OPENERS = {
    SourceKind.PICKLED_MODULE: "pickled_module:open_module",
    SourceKind.EXPORTED_PROGRAM: "exported_program:open_program",
    SourceKind.TORCHSCRIPT: "torchscript:open_script",
    SourceKind.TRANSFORMERS: "transformers_folder:open_folder",
}


def load(source: Source) -> Opened:
    """The module in evaluation mode, with what came with it.

    Raises SourceError if the source does not give a module or its weights do not fit, UnsafeInput if it asks for
    code to be run that its user did not allow.
    """
    if source.kind is SourceKind.LIVE_MODULE:
        return _load_live_module(Path(source.path or ""))
    if source.kind in _OPENERS:
        file, _, function = _OPENERS[source.kind].partition(":")
        opener = getattr(importlib.import_module(f".opening.{file}", __package__), function)
        return opener(source) if source.kind is SourceKind.EXPORTED_PROGRAM else _evaluated(opener(source))
    module, examples = build(source)
    notes: tuple[str, ...] = ()
    if source.kind is SourceKind.STATE_DICT:
        notes = importlib.import_module(".opening.state_dict", __package__).fill(module, source)
    return Opened(module=evaluation_mode(module), examples=examples, notes=notes)


def build(source: Source) -> tuple[torch.nn.Module, Any]:
    """What the source's factory makes: the module, and its example inputs or None; SourceError."""
    if source.factory is None:
        raise SourceError("there is no factory to build the model", fix="name one: --model file.py:function")
    torch.manual_seed(_SEED)
    made = call_factory(source.factory, dict(source.factory_args))
    module, examples = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, torch.nn.Module):
        raise SourceError(
            f"{source.factory} returned {type(made).__name__}, expected an nn.Module or (nn.Module, example inputs)",
            fix="return the module, or the module and its example inputs",
        )
    return module, examples


def _load_live_module(path: Path) -> Opened:
    """The module that edgeproof.convert() wrote a moment ago; the command line never makes this kind of source."""
    try:
        module, examples = pickle.loads(path.read_bytes())  # noqa: S301, TID251 (our own process wrote it)
    except Exception as error:
        raise SourceError(
            f"the live module cannot be opened in a worker: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return Opened(module=evaluation_mode(module), examples=examples)


def _evaluated(opened: Opened) -> Opened:
    evaluation_mode(opened.module)
    return opened


def evaluation_mode(module: torch.nn.Module) -> torch.nn.Module:
    """The module after eval(), with every part checked; SourceError if a part stays in training mode."""
    module.eval()
    stubborn = [name or "the module itself" for name, part in module.named_modules() if part.training]
    if stubborn:
        raise SourceError(
            f"{len(stubborn)} parts stay in training mode after eval(): {', '.join(stubborn[:_SHOWN])}",
            fix="let train() of these modules honour its argument",
        )
    return module

"""Unpickles a whole module, and with it the code that the file names: only where its user said --trust-pickle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from ...errors import SourceError, UnsafeInput, UsageError
from ...source import Source, Trust
from .matching import first_line
from .opened import Opened

_NOTE = "the code that the file names was run, as --trust-pickle allowed"


def open_module(source: Source) -> Opened:
    """The module in a pickled file; UnsafeInput without Trust.PICKLE, SourceError if there is none or it needs more."""
    path = Path(source.path or "")
    if Trust.PICKLE not in source.opening.trust:
        raise UnsafeInput(
            f"{path.name} holds a pickled module, and opening it would run code that the file names",
            fix="give the architecture (--model file.py:function), or, if you trust the file's maker: --trust-pickle",
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        # What --trust-pickle asks for: nothing else leads here.
        loaded = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise SourceError(
            f"{path.name} cannot be unpickled: {type(error).__name__}: {first_line(error)}",
            fix="run edgeproof where the classes that it was saved with can be imported, or give --model",
        ) from error
    return Opened(module=_chosen(path.name, loaded, source.opening.weights), notes=(_NOTE,))


def _chosen(name: str, loaded: Any, key: str | None) -> torch.nn.Module:
    found = _modules(loaded)
    if key is not None:
        if key not in found:
            raise UsageError(
                f"{name} has no module at {key!r}; it has {', '.join(filter(None, found)) or 'none'}",
                fix="leave out --weights, or name one of these",
            )
        return found[key]
    if not found:
        raise SourceError(
            f"{name} holds a {type(loaded).__name__}, expected an nn.Module",
            fix="give the architecture of its weights: --model file.py:function",
        )
    if len(set(map(id, found.values()))) > 1:
        raise SourceError(
            f"{name} holds {len(found)} modules: "
            + ", ".join(f"{where} ({type(module).__name__})" for where, module in found.items()),
            fix=f"choose one: --weights {next(reversed(found))}",
        )
    return next(iter(found.values()))


def _modules(loaded: Any) -> dict[str, torch.nn.Module]:
    """The modules by key, "" for the object itself."""
    if isinstance(loaded, torch.nn.Module):
        return {"": loaded}
    if not isinstance(loaded, dict):
        return {}
    return {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, torch.nn.Module)}

"""Opens a PyTorch source: factory, state_dict with its architecture, or exported program."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..checkpoints.recognise import FileKind, recognise
from ..errors import SourceError, UnsafeInput
from ..source import Source, SourceKind
from ..user_code import call_factory

_SHOWN = 5
_SEED = 0  # an untrained model must be the same in every worker that builds it


def load(source: Source) -> tuple[torch.nn.Module, Any]:
    """The module in evaluation mode and the example inputs that came with it (None if none did).

    Raises SourceError if the source does not give a module or its weights do not fit.
    """
    if source.kind is SourceKind.EXPORTED_PROGRAM:
        return _load_exported_program(Path(source.path or ""))
    if source.kind is SourceKind.LIVE_MODULE:
        return _load_live_module(Path(source.path or ""))
    module, examples = _build(source)
    if source.kind is SourceKind.STATE_DICT:
        load_weights(module, Path(source.path or ""))
    return evaluation_mode(module), examples


def _build(source: Source) -> tuple[torch.nn.Module, Any]:
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


def _load_exported_program(path: Path) -> tuple[torch.nn.Module, Any]:
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise SourceError(
            f"{path} cannot be read as an exported program: {type(error).__name__}: {error}",
            fix="save it again with torch.export.save under this torch version",
        ) from error
    return program.module(), program.example_inputs


def _load_live_module(path: Path) -> tuple[torch.nn.Module, Any]:
    """The module that edgeproof.convert() wrote a moment ago; the command line never makes this kind of source."""
    try:
        module, examples = pickle.loads(path.read_bytes())  # noqa: S301, TID251 (our own process wrote it)
    except Exception as error:
        raise SourceError(
            f"the live module cannot be opened in a worker: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return evaluation_mode(module), examples


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


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Load a state_dict strictly; SourceError tells counts, the first keys and a prefix that would help."""
    weights = read_weights(path)
    wanted = module.state_dict()
    missing = [key for key in wanted if key not in weights]
    unexpected = [key for key in weights if key not in wanted]
    misshaped = [key for key in wanted if key in weights and wanted[key].shape != weights[key].shape]
    if not (missing or unexpected or misshaped):
        module.load_state_dict(dict(weights))
        return
    findings = [
        _list("missing", missing),
        _list("unexpected", unexpected),
        _list("mis-shaped", [f"{key} {_sizes(weights[key])} for {_sizes(wanted[key])}" for key in misshaped]),
    ]
    prefix = prefix_that_fits(list(weights), list(wanted))
    raise SourceError(
        f"{path.name} does not fit the model ({len(weights)} keys for {len(wanted)}): "
        + "; ".join(text for text in findings if text),
        fix=prefix or "build the architecture these weights were trained with (--model, --model-arg)",
    )


def prefix_that_fits(have: list[str], want: list[str]) -> str | None:
    """A sentence on the prefix which, taken off or put on, makes all keys match; None if there is none."""
    for key in have:
        prefix = key.partition(".")[0] + "."
        if {name.removeprefix(prefix) for name in have} == set(want):
            return f"every key matches without the prefix {prefix!r}: strip it from the keys and save again"
    for key in want:
        prefix = key.partition(".")[0] + "."
        if {prefix + name for name in have} == set(want):
            return f"every key matches with the prefix {prefix!r}: the weights belong to the part {prefix[:-1]!r}"
    return None


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
            f"{path.name} holds more than tensors, and opening it would run code from the file: {_first_line(error)}",
            fix="save the weights alone: torch.save(model.state_dict(), 'weights.pt')",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise SourceError(
            f"{path} is broken: {_first_line(error)} (it may be truncated)", fix="fetch or save the checkpoint again"
        ) from error
    if not isinstance(loaded, Mapping):
        raise SourceError(
            f"{path.name} holds a {type(loaded).__name__}, expected a state_dict",
            fix="save model.state_dict() instead",
        )
    return loaded


def _list(what: str, keys: list[str]) -> str:
    if not keys:
        return ""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{more})"


def _sizes(tensor: torch.Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "scalar"


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

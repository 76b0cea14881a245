"""Hands a live model of a notebook to the workers, through a file that only this process wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

from .errors import UsageError
from .source import Framework, Source, SourceKind


def is_live_model(value: object) -> bool:
    """Whether this is a module or model of a framework that the caller has imported."""
    return _framework_of(value) is not None


def store_live_model(model: Any, examples: Any, folder: Path) -> Source:
    """Write the model and its example inputs into `folder`; the workers load them as the source.

    A PyTorch module is pickled with the classes of the notebook inside, a Keras model is saved as .keras.
    Raises UsageError if it cannot be stored.
    """
    framework = _framework_of(model)
    if framework is Framework.KERAS:
        return _store_keras(model, folder)
    path = folder / "module.pickle"
    try:
        path.write_bytes(cloudpickle.dumps((model, examples)))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    except Exception as error:
        raise UsageError(
            f"{type(model).__name__} cannot be handed to another process: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return Source(name=type(model).__name__, framework=Framework.TORCH, kind=SourceKind.LIVE_MODULE, path=str(path))


def _store_keras(model: Any, folder: Path) -> Source:
    path = folder / "model.keras"
    try:
        model.save(path)
    except Exception as error:
        raise UsageError(
            f"{type(model).__name__} cannot be saved: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return Source(name=str(model.name), framework=Framework.KERAS, kind=SourceKind.KERAS_FILE, path=str(path))


def _framework_of(value: object) -> Framework | None:
    """By the classes that the caller's own imports brought; nothing is imported here."""
    for module_name, class_name, framework in (
        ("keras", "Model", Framework.KERAS),
        ("torch.nn", "Module", Framework.TORCH),
    ):
        kind = getattr(sys.modules.get(module_name), class_name, None)
        if isinstance(kind, type) and isinstance(value, kind):
            return framework
    return None

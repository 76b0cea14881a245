"""Hands a live model of a notebook to the workers, through a file that only this process wrote."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import cloudpickle  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from .errors import UsageError
from .source import Framework, Opening, Source, SourceKind, Trust

# What a worker imports to have the classes and arrays of a notebook, which only this process wrote.
_MODULE = """import pathlib
import cloudpickle
classes, examples = cloudpickle.loads(pathlib.Path({file!r}).read_bytes())
globals().update(classes)


def example_inputs():
    return examples
"""


def is_live_model(value: object) -> bool:
    """Whether this is a module or model of a framework that the caller has imported."""
    return _framework_of(value) is not None


def store_live_model(model: Any, examples: Any, folder: Path) -> Source:
    """Write the model and its example inputs into `folder`; the workers load them as the source.

    A PyTorch module is pickled with the classes of the notebook inside, a Keras model is saved as .keras, and the
    classes beside it.
    Raises UsageError if it cannot be stored.
    """
    framework = _framework_of(model)
    if framework is Framework.KERAS:
        return _store_keras(model, examples, folder)
    path = folder / "module.pickle"
    try:
        path.write_bytes(cloudpickle.dumps((model, examples)))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    except Exception as error:
        raise UsageError(
            f"{type(model).__name__} cannot be handed to another process: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return Source(name=type(model).__name__, framework=Framework.TORCH, kind=SourceKind.LIVE_MODULE, path=str(path))


def _store_keras(model: Any, examples: Any, folder: Path) -> Source:
    """The file, beside it a module with the caller's own classes; all code in both is the caller's."""
    path, module = folder / "model.keras", folder / "of_the_caller.py"
    try:
        model.save(path)
        classes = _own_classes(model, path)
        stored = module.with_suffix(".pickle")
        stored.write_bytes(cloudpickle.dumps((classes, _as_arrays(examples))))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        module.write_text(_MODULE.format(file=str(stored)), encoding="utf-8")
    except Exception as error:
        raise UsageError(
            f"{type(model).__name__} cannot be saved: {type(error).__name__}: {error}",
            fix="put the code that builds it into a file and give that: path/to/model.py:build",
        ) from error
    return Source(
        name=str(model.name),
        framework=Framework.KERAS,
        kind=SourceKind.KERAS_FILE,
        path=str(path),
        inputs=() if examples is None else (f"{module}:example_inputs",),
        opening=Opening(
            trust=(Trust.CODE,), custom_objects=f"{module}:{','.join(sorted(classes))}" if classes else None
        ),
    )


def _own_classes(model: Any, saved: Path) -> dict[str, Any]:
    """What the saved config asks Keras' registry for, and the classes of the layers that are not Keras' own.

    By plain names. A layer's own class comes last: the registry may hold another of that name.
    """
    with zipfile.ZipFile(saved) as archive:
        config = archive.read("config.json").decode()
    registered: dict[str, Any] = _keras().saving.get_custom_objects()
    things: list[Any] = [thing for name, thing in registered.items() if f'"{name}"' in config]
    layers: list[Any] = [*model._flatten_layers()]
    things.extend(layer.__class__ for layer in layers)
    return {thing.__name__: thing for thing in things if not thing.__module__.startswith("keras.")}


def _as_arrays(examples: Any) -> Any:
    return None if examples is None else _keras().tree.map_structure(np.asarray, examples)


def _keras() -> Any:
    """The caller's own import of Keras; nothing is imported here."""
    return sys.modules["keras"]


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

"""The Keras models as their authors hand them over, and what they answer."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .calls import Call, read_calls, write_outputs
from .subjects import subject


def load(name: str) -> keras.Model:
    """The model, called once where it is a class that knows no shapes before."""
    wanted = subject(name)
    if wanted.item:
        model, inputs = getattr(importlib.import_module("keras_models"), wanted.item.model)()
        model(*inputs)
        return model
    assert wanted.sample
    return keras.saving.load_model(wanted.sample.folder / wanted.sample.source, compile=False)


def call_model(model: keras.Model, call: dict[str, Any]) -> Any:
    """One call; models with several inputs take them by name."""
    return model(call if len(call) > 1 else next(iter(call.values())), training=False)


def reference(*, name: str, shapes: dict[str, list[int]], outputs: list[str], calls: str, path: str) -> None:
    """Write what the source answers to every call of a file."""
    model = load(name)
    answers = [call_model(model, call) for call in read_calls(Path(calls), shapes)]
    write_outputs(Path(path), [_named(answer, outputs) for answer in answers])


def _named(answer: Any, names: list[str]) -> Call:
    if isinstance(answer, dict):
        return {name: np.asarray(answer[name]) for name in names}
    values = answer if isinstance(answer, list | tuple) else [answer]
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras
import pytest
import tf_keras

from edgeproof.converters.checkpoints.keras_files import Layout, StoredModel
from edgeproof.converters.checkpoints.keras_generation import _PARTS, _UNCHANGED, _UNCHANGED_WITHOUT, needs_keras_2
from edgeproof.converters.checkpoints.keras_names import ACTIVATIONS, LAYERS, OPERATIONS, PARTS
from edgeproof.converters.from_keras.stored import build

# These run what is not in the config: code, files, models of other frameworks.
RUN_MORE = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "DenseFeatures"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "Dense": {"units": 2},
    "Dropout": {"rate": 0.5},
    "Embedding": {"input_dim": 3, "output_dim": 2},
    "GaussianNoise": {"stddev": 0.1},
    "Permute": {"dims": (1,)},
    "RepeatVector": {"n": 2},
    "Reshape": {"target_shape": (2,)},
}


def classes(module: Any) -> Iterator[str]:
    return (name for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_"))


def test_every_layer_of_both_generations_is_listed() -> None:
    assert {*classes(keras.layers), *classes(tf_keras.layers)} - RUN_MORE == LAYERS


def test_nothing_that_runs_more_is_listed() -> None:
    assert not RUN_MORE & (LAYERS | PARTS | OPERATIONS)
    assert not {"Cond", "Map", "WhileLoop", "Operation", "Function"} & OPERATIONS


def test_parts_and_activations_are_listed() -> None:
    for module in (keras.initializers, keras.regularizers, keras.constraints, tf_keras.initializers):
        assert set(classes(module)) <= PARTS
    functions = {name for name, value in vars(keras.activations).items() if inspect.isfunction(value)}
    assert functions - {"deserialize", "get", "serialize"} <= ACTIVATIONS


def as_stored(kind: str) -> StoredModel:
    """A layer as Keras 2 writes it into HDF5, behind an input of the rank that it takes."""
    arguments = ARGUMENTS.get(kind) or _sizes(kind)
    layer = getattr(tf_keras.layers, kind)(**arguments)
    config = {"class_name": kind, "config": _plain(layer.get_config())}
    inside = {"name": "m", "layers": [config]}
    return StoredModel(layout=Layout.MODEL, version="2.9.0", config={"class_name": "Sequential", "config": inside})


def _sizes(kind: str) -> dict[str, Any]:
    if kind.startswith("Conv"):
        return {"filters": 2, "kernel_size": 1}
    return {"units": 2} if kind in ("GRU", "LSTM", "SimpleRNN") else {}


def _plain(value: Any) -> Any:
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": _plain(value.get_config())}
    if isinstance(value, dict):
        return {
            key: _plain(part) for key, part in value.items() if key not in ("module", "registered_name", "build_config")
        }
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("kind", sorted(_UNCHANGED - {"Functional", "InputLayer", "Model", "Sequential"}))
def test_keras_3_reads_what_is_said_to_be_unchanged(kind: str) -> None:
    stored = as_stored(kind)
    assert not needs_keras_2(stored)
    assert build(stored, name="m.h5", own={}, trusted=False).layers[0].__class__.__name__ == kind


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Conv2DTranspose"])
def test_what_keras_3_does_not_read_goes_to_keras_2(kind: str) -> None:
    assert needs_keras_2(as_stored(kind))


def test_the_tables_hold_names_of_keras_alone() -> None:
    assert _UNCHANGED | set(_UNCHANGED_WITHOUT) <= LAYERS | {"Functional", "Model", "Sequential"}
    assert _PARTS <= PARTS

"""Sets the weights of a file beside those of a model, before any is loaded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
from keras.src.legacy.saving import legacy_h5_format

from ..errors import SourceError

Shapes = dict[str, tuple[int, ...]]
_SHOWN = 5


def require_fit(model: keras.Model, group: Any, *, name: str, in_list: bool) -> None:
    """Raises SourceError that counts and shows the missing, unexpected and mis-shaped weights."""
    if not model.built:
        raise SourceError(
            f"{type(model).__name__} has no weights before its first call, so those of {name} have no place",
            fix="call the model once in its factory, or build it: model.build(input_shape)",
        )
    have, want = (_listed(group), _listed_of(model)) if in_list else (_tree(group), _tree_of(model))
    if in_list:
        have, want = _by_position(have, want)
    missing = [key for key in want if key not in have]
    unexpected = [key for key in have if key not in want]
    misshaped = [
        f"{key} {_sizes(have[key])} for {_sizes(want[key])}" for key in want if have.get(key, want[key]) != want[key]
    ]
    if missing or unexpected or misshaped:
        texts = (_counted("missing", missing), _counted("unexpected", unexpected), _counted("mis-shaped", misshaped))
        raise SourceError(
            f"the weights of {name} do not fit the model: {'; '.join(text for text in texts if text)}",
            fix="check that the architecture is the one that the weights were trained with",
        )


def _tree(group: Any) -> Shapes:
    """Paths in Keras 3's tree, but for the optimizer's and the states of dropout, which take no part."""
    found: Shapes = {}

    def note(path: str, item: Any) -> None:
        parts = path.split("/")
        if isinstance(item, h5py.Dataset) and parts[0] != "optimizer" and "seed_generator" not in parts:
            found[path] = tuple(item.shape)

    group.visititems(note)
    return found


def _tree_of(model: keras.Model) -> Shapes:
    """Keras names its tree while it writes, so it writes."""
    with tempfile.TemporaryDirectory(prefix="edgeproof-") as folder:
        path = Path(folder, "model.weights.h5")
        model.save_weights(path)
        with h5py.File(path, "r") as file:
            return _tree(file)


def _listed(group: Any) -> Shapes:
    """Weights by layer and name, in the file's order."""
    shapes: Shapes = {}
    for layer in (*legacy_h5_format.load_attributes_from_hdf5_group(group, "layer_names"), "top_level_model_weights"):
        if layer in group:
            names = legacy_h5_format.load_attributes_from_hdf5_group(group[layer], "weight_names")
            shapes |= {f"{layer}/{name}": tuple(group[layer][name].shape) for name in names}
    return shapes


def _listed_of(model: keras.Model) -> Shapes:
    shapes: Shapes = {}
    for layer in model.layers:
        weights = legacy_h5_format._legacy_weights(layer)
        shapes |= {f"{layer.name}/{weight.path}": tuple(weight.shape) for weight in weights}
    return shapes


def _by_position(have: Shapes, want: Shapes) -> tuple[Shapes, Shapes]:
    """Keras 2's lists are matched by position: layers are called dense_1 in one process and dense_7 in the next."""
    if len(have) != len(want):
        return _of_layers(have), _of_layers(want)
    keys = [f"#{place} {name}" for place, name in enumerate(have)]
    return dict(zip(keys, have.values(), strict=True)), dict(zip(keys, want.values(), strict=True))


def _of_layers(shapes: Mapping[str, tuple[int, ...]]) -> Shapes:
    """By layer and the last part of the name, which is what two versions of Keras agree on."""
    return {
        f"{key.partition('/')[0]}/{key.rpartition('/')[2].removesuffix(':0')}": shape for key, shape in shapes.items()
    }


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _counted(what: str, keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{more})" if keys else ""

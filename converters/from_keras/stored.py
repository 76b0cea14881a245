"""Builds a Keras model from a config that was judged before, and gives it the weights of a file, strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
from keras.src.legacy.saving import json_utils, legacy_h5_format, saving_options, saving_utils
from keras.src.saving import saving_lib
from keras.src.saving.serialization_lib import ObjectSharingScope, SafeModeScope

from ..checkpoints.keras_files import Layout, StoredModel
from ..checkpoints.keras_vetting import registered_names
from ..checkpoints.keras_weights import Expected, do_not_fit, require_fit
from ..errors import EdgeproofError, SourceError
from ..source import Source


def build(stored: StoredModel, *, name: str, own: Mapping[str, Any], trusted: bool) -> keras.Model:
    """The model that a config describes, with `own` for the classes that are not Keras'; raises SourceError."""
    custom = {**own, **registered_names(stored.config, own)}
    try:
        model = (
            _of_legacy(stored, custom, trusted=trusted)
            if _is_legacy(stored)
            else _of_config(stored, custom, trusted=trusted)
        )
    except Exception as error:  # layers raise whatever they like about arguments that do not suit them
        raise SourceError(
            f"{name} cannot be built by Keras {keras.__version__}: {_first_line(error)}",
            fix="bring what it misses with --custom-objects file.py:Name, or build the model in a factory and "
            "name that beside the file: --model path/to/model.py:build",
        ) from error
    if not isinstance(model, keras.Model):
        raise SourceError(f"{name} holds a {type(model).__name__}, expected a model", fix="save the whole model")
    return model


def load_weights(model: keras.Model, file: h5py.File, *, path: Path, source: Source, layout: Layout) -> None:
    """Fill the model; SourceError, with counts and examples, unless every weight is there and has its shape."""
    name = Path(source.path or "").name
    in_list = layout in (Layout.MODEL, Layout.LIST)
    try:
        group = file["model_weights"] if layout is Layout.MODEL else file
        if source.factory is not None:  # a whole model's file was written together with its config
            require_fit(_expected(model), group, name=name, in_list=in_list)
        if in_list:
            legacy_h5_format.load_weights_from_hdf5_group(group, model)
        else:
            _fill_from_tree(model, path)
    except EdgeproofError:
        raise
    except Exception as error:
        raise do_not_fit(name, error) from error


def _expected(model: keras.Model) -> Expected:
    def listed() -> Iterator[tuple[str, tuple[int, ...]]]:
        for layer in model.layers:
            for weight in legacy_h5_format._legacy_weights(layer):
                yield f"{layer.name}/{weight.path}", tuple(weight.shape)

    return Expected(kind=type(model).__name__, built=model.built, listed=listed, save=model.save_weights)


def _is_legacy(stored: StoredModel) -> bool:
    """Whether the config is in the form of Keras 2, which Keras 3 still writes into HDF5 files."""
    return stored.layout is Layout.MODEL or "module" not in (stored.config or {})


def _of_config(stored: StoredModel, custom: Mapping[str, Any], *, trusted: bool) -> Any:
    with ObjectSharingScope():
        return keras.saving.deserialize_keras_object(stored.config, custom_objects=dict(custom), safe_mode=not trusted)


def _of_legacy(stored: StoredModel, custom: Mapping[str, Any], *, trusted: bool) -> Any:
    config = json_utils.decode(json.dumps(stored.config))
    with saving_options.keras_option_scope(use_legacy_config=True), SafeModeScope(not trusted):
        return saving_utils.model_from_config(config, custom_objects=dict(custom))


def _fill_from_tree(model: keras.Model, path: Path) -> None:
    store = saving_lib.H5IOStore(path, mode="r")
    failed: set[Any] = set()
    errors: dict[Any, Any] = {}
    try:
        saving_lib._load_state(
            model,
            weights_store=store,
            assets_store=None,
            inner_path="",
            visited_saveables=set(),
            failed_saveables=failed,
            error_msgs=errors,
        )
    finally:
        store.close()
    if failed:
        saving_lib._raise_loading_failure(errors)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__

"""Opens models of Keras 2 with tf_keras, from a config that was judged before."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras.src.saving import saving_lib
from tf_keras.src.saving.legacy import hdf5_format
from tf_keras.src.saving.legacy import model_config as legacy_config
from tf_keras.src.saving.legacy.saved_model import json_utils
from tf_keras.src.saving.object_registration import custom_object_scope
from tf_keras.src.saving.serialization_lib import ObjectSharingScope, SafeModeScope, deserialize_keras_object

from ..checkpoints.keras_files import Layout, StoredModel, weights_of
from ..checkpoints.keras_source import stored_model
from ..checkpoints.keras_vetting import registered_names
from ..checkpoints.keras_weights import Expected, do_not_fit, require_fit
from ..errors import EdgeproofError, SourceError
from ..source import Source, SourceKind, Trust
from ..user_code import call_factory, load_named
from .function import Argument, TensorFlowFunction

_SEED = 0  # an untrained model must be the same in every worker that builds it


def open_keras_2(source: Source) -> TensorFlowFunction:
    """The model in inference mode; raises SourceError, UnsafeInput."""
    if source.kind is SourceKind.FACTORY:
        model, examples = _from_factory(source)
        return replace(_function(model, model.name), examples=examples)
    stored = stored_model(source)
    name = Path(source.path or "").name
    own = load_named(source.opening.custom_objects)
    trusted = Trust.CODE in source.opening.trust
    model, examples = (
        _from_factory(source) if stored.config is None else (_built(stored, name, own, trusted=trusted), None)
    )
    with weights_of(Path(source.path or "")) as (path, file):
        _fill(model, file, path, source, stored.layout)
    return replace(_function(model, name), examples=examples)


def _from_factory(source: Source) -> tuple[tf_keras.Model, Any]:
    tf_keras.utils.set_random_seed(_SEED)
    made = call_factory(source.factory or "", dict(source.factory_args))
    model, examples = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(model, tf_keras.Model):
        raise SourceError(
            f"{source.factory} returned {type(made).__name__}, expected a tf_keras.Model or (tf_keras.Model, inputs)",
            fix="return the model; --framework keras if it is one of Keras 3. Save other functions as a SavedModel",
        )
    return model, examples


def _built(stored: StoredModel, name: str, own: Mapping[str, Any], *, trusted: bool) -> tf_keras.Model:
    custom = {**own, **registered_names(stored.config, own)}
    try:
        if stored.layout is Layout.ARCHIVE:
            with _format_of_archives(), ObjectSharingScope():
                model = deserialize_keras_object(stored.config, custom, safe_mode=not trusted)
        else:
            with SafeModeScope(not trusted), custom_object_scope(custom):
                config = json_utils.decode(json.dumps(stored.config))
                model = legacy_config.model_from_config(config, custom_objects=custom)
    except Exception as error:  # layers raise whatever they like about arguments that do not suit them
        raise SourceError(
            f"{name} cannot be built by Keras {tf_keras.__version__}: {_first_line(error)}",
            fix="bring what it misses with --custom-objects file.py:Name, or build the model in a factory and "
            "name that beside the file: --model path/to/model.py:build",
        ) from error
    if not isinstance(model, tf_keras.Model):
        raise SourceError(f"{name} holds a {type(model).__name__}, expected a model", fix="save the whole model")
    return model


def _fill(model: tf_keras.Model, file: h5py.File, path: Path, source: Source, layout: Layout) -> None:
    name = Path(source.path or "").name
    in_list = layout in (Layout.MODEL, Layout.LIST)
    try:
        group = file["model_weights"] if layout is Layout.MODEL else file
        if source.factory is not None:  # a whole model's file was written together with its config
            require_fit(_expected(model), group, name=name, in_list=in_list)
        if in_list:
            hdf5_format.load_weights_from_hdf5_group(group, model)
        else:
            _fill_from_tree(model, path)
    except EdgeproofError:
        raise
    except Exception as error:
        raise do_not_fit(name, error) from error


def _fill_from_tree(model: tf_keras.Model, path: Path) -> None:
    with _format_of_archives():
        store = saving_lib.H5IOStore(str(path), mode="r")
        try:
            saving_lib._load_state(
                model, weights_store=store, assets_store=None, inner_path="", visited_trackables=set()
            )
        finally:
            store.close()


def _expected(model: tf_keras.Model) -> Expected:
    def listed() -> Iterator[tuple[str, tuple[int, ...]]]:
        for layer in model.layers:
            for weight in hdf5_format._legacy_weights(layer):
                yield f"{layer.name}/{weight.name}", tuple(weight.shape)

    return Expected(kind=type(model).__name__, built=model.built, listed=listed, save=model.save_weights)


@contextmanager
def _format_of_archives() -> Generator[None]:
    """Keras 2 asks in many places whether it is in the format of .keras files, and its public loader says so."""
    before = getattr(saving_lib._SAVING_V3_ENABLED, "value", False)
    saving_lib._SAVING_V3_ENABLED.value = True
    try:
        yield
    finally:
        saving_lib._SAVING_V3_ENABLED.value = before


def _function(model: tf_keras.Model, name: str) -> TensorFlowFunction:
    if not model.inputs:
        raise SourceError(
            f"{name} holds {type(model).__name__}, which does not say what its inputs are",
            fix="save it as a SavedModel, whose signature says so: model.save('folder', save_format='tf')",
        )
    inputs = [
        Argument(each, tensor.dtype.name, tuple(tensor.shape))
        for each, tensor in zip(model.input_names, model.inputs, strict=True)
    ]
    _take_steps(model)
    structure = getattr(model, "_nested_inputs", None)

    def call(tensors: Sequence[Any]) -> dict[str, Any]:
        flat = tf.nest.flatten(model(_nest(structure, tensors), training=False))
        return dict(zip(_output_names(model, len(flat)), flat, strict=True))

    def weights() -> list[np.ndarray]:
        return [np.asarray(array) for array in model.get_weights()]

    return TensorFlowFunction(
        inputs=tuple(inputs), call=call, trackable=model, weights=weights, made_by=("tf_keras", "tensorflow")
    )


def _take_steps(model: tf_keras.Model) -> None:
    """Let LSTM and GRU loop over their steps, as they do where no accelerator is.

    Otherwise they mark the function that computes them, and LiteRT's converter puts its fused LSTM in its place,
    which keeps its state from one call to the next.
    """
    for layer in model._flatten_layers():
        if hasattr(layer, "_could_use_gpu_kernel"):
            layer._could_use_gpu_kernel = False


def _nest(structure: Any, tensors: Sequence[Any]) -> Any:
    if len(tensors) == 1 and not isinstance(structure, Mapping):
        return tensors[0]
    return list(tensors) if structure is None else tf.nest.pack_sequence_as(structure, list(tensors))


def _output_names(model: tf_keras.Model, count: int) -> list[str]:
    """The output layers' names, unless two are the same."""
    names = list(model.output_names or [])
    if len(set(names)) == count:
        return names
    return ["output"] if count == 1 else [f"output_{place}" for place in range(count)]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__

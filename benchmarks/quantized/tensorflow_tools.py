"""TFLiteConverter as TensorFlow's documentation shows it, on the Keras model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .calls import Call, read_calls
from .keras_source import load
from .making import Order

_Configure = Callable[[tf.lite.TFLiteConverter], None]


def static(**values: object) -> None:
    """Post-training quantisation with a representative data set; operators without an int8 kernel stay in float."""
    order = Order.of(values)
    calls = read_calls(Path(order.calibration), order.shapes)

    def configure(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (_feed(call) for call in calls)

    _make(order, configure)


def dynamic(**values: object) -> None:
    """Dynamic range quantisation: the same without data."""

    def configure(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    _make(Order.of(values), configure)


def _make(order: Order, configure: _Configure) -> None:
    """From the Keras model, else from a SavedModel of fixed shapes, as the guide does it for recurrent layers."""
    model = load(order.name)
    try:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        configure(converter)
        made = converter.convert()
    except Exception:  # noqa: BLE001 (ConverterError, and whatever Keras 3 lacks that the converter looks for)
        with tempfile.TemporaryDirectory() as folder:
            _export(model, order, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            configure(converter)
            made = converter.convert()
    Path(order.path).write_bytes(made)


def _export(model: keras.Model, order: Order, folder: str) -> None:
    """A SavedModel of fixed shapes whose inputs have the model's names."""
    (first,) = read_calls(Path(order.calibration), order.shapes)[:1]
    specs = {name: tf.TensorSpec(array.shape, array.dtype, name=name) for name, array in first.items()}
    signature = [specs] if len(specs) > 1 else list(specs.values())
    model.export(folder, format="tf_saved_model", input_signature=signature, verbose=False)


def _feed(call: Call) -> dict[str, np.ndarray] | list[np.ndarray]:
    return call if len(call) > 1 else list(call.values())

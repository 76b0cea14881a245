"""TFLiteConverter as TensorFlow's documentation shows it, on the Keras model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from .calls import Call, read_calls
from .keras_source import load
from .making import Order


def static(**values: object) -> None:
    """Post-training quantisation with a representative data set; operators without an int8 kernel stay in float."""
    order = Order.of(values)
    converter = _converter(order)
    calls = read_calls(Path(order.calibration), order.shapes)

    def representative() -> Iterator[dict[str, np.ndarray] | list[np.ndarray]]:
        yield from (_feed(call) for call in calls)

    converter.representative_dataset = representative
    Path(order.path).write_bytes(converter.convert())


def dynamic(**values: object) -> None:
    """Dynamic range quantisation: the same without data."""
    order = Order.of(values)
    Path(order.path).write_bytes(_converter(order).convert())


def _converter(order: Order) -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_keras_model(load(order.name))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


def _feed(call: Call) -> dict[str, np.ndarray] | list[np.ndarray]:
    return call if len(call) > 1 else list(call.values())

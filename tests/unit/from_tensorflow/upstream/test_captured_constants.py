"""What a Keras layer holds beside its variables becomes a constant of the ONNX graph, not an input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf2onnx
from keras import layers
from keras_lowering import function_of, largest_difference, onnx_of

from edgeproof.converters.from_tensorflow.upstream.captured_constants import captured_constants

pytestmark = pytest.mark.tensorflow
CLOSE = 2e-6
SHAPE = (6, 5, 3)


class Table(layers.Layer):
    """Holds a tensor that is too large for TensorFlow to write it into the graph when it traces."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = keras.ops.reshape(keras.ops.arange(300, dtype="float32") / 100, (100, 3))

    def call(self, x: Any) -> Any:
        return x + keras.ops.mean(self.rows, axis=0)


def adapted(**options: Any) -> layers.Layer:
    layer = layers.Normalization(**options)
    layer.adapt(np.random.default_rng(0).normal(2, 3, (16, *SHAPE)).astype(np.float32))
    return layer


LAYERS: dict[str, Callable[[], layers.Layer]] = {
    "given": lambda: layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.2, 0.3, 0.1]),
    "adapted": adapted,
    "adapted, one for each place": lambda: adapted(axis=(1, 2, 3)),
    "inverted": lambda: layers.Normalization(mean=0.5, variance=2.0, invert=True),
    "a table": Table,
}


def model_of(name: str) -> keras.Model:
    return keras.Sequential([keras.Input(SHAPE), LAYERS[name](), layers.Conv2D(4, 3)])


@pytest.mark.parametrize("name", LAYERS)
def test_the_graph_takes_the_model_s_inputs_and_computes_the_same(name: str, rng: np.random.Generator):
    model = model_of(name)
    graph = onnx_of(model)
    assert [value.name for value in graph.graph.input] == ["x"]
    assert largest_difference(model, graph, rng.normal(size=(1, *SHAPE)).astype(np.float32)) < CLOSE


def test_upstream_alone_makes_inputs_of_them():
    function, specs = function_of(model_of("given"))
    graph, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=18)
    assert len(graph.graph.input) == 3


def test_an_input_that_the_model_does_not_use_stays_one():
    specs = (tf.TensorSpec((2,), name="used"), tf.TensorSpec((2,), name="unused"))
    function = tf.function(lambda used, _unused: {"y": used + 1.0}, input_signature=specs, autograph=False)
    with captured_constants():
        graph, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=18)
    assert [value.name for value in graph.graph.input] == ["used", "unused"]


def test_everything_is_as_before_afterwards():
    before = tf2onnx.convert._convert_common
    with pytest.raises(KeyError), captured_constants():
        assert tf2onnx.convert._convert_common is not before
        raise KeyError
    assert tf2onnx.convert._convert_common is before

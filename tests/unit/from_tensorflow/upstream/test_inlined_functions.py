"""Functions that TensorFlow would compile with XLA leave no calls in the ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf2onnx
from keras import layers
from keras_lowering import function_of, largest_difference, onnx_of, operators
from tensorflow.python.framework import convert_to_constants

from edgeproof.converters.from_tensorflow.upstream.inlined_functions import inlined_functions

pytestmark = pytest.mark.tensorflow
CLOSE = 2e-6


class Compiled(layers.Layer):
    """Calls a function of its own that is compiled, and that calls another."""

    def call(self, x: Any) -> Any:
        @tf.function(jit_compile=True)
        def inner(value: Any) -> Any:
            return value * 2.0

        @tf.function(jit_compile=True)
        def outer(value: Any) -> Any:
            return tf.nn.relu(inner(value)) + 1.0

        return outer(x)


def sequential(shape: tuple[int, ...], *parts: layers.Layer) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input(shape), *parts])


MODELS: dict[str, Callable[[], keras.Model]] = {
    "one dimension": sequential((9, 8), layers.Conv1D(12, 3, groups=4, padding="causal", dilation_rate=2)),
    "two dimensions": sequential(
        (9, 9, 8),
        layers.Conv2D(12, 3, groups=4, padding="same", strides=2, activation="relu"),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.Conv2D(6, 3, groups=2, use_bias=False, padding="same"),
    ),
    "three dimensions": sequential((5, 6, 7, 8), layers.Conv3D(12, 3, groups=4)),
    "depthwise": sequential(
        (9, 9, 8), layers.DepthwiseConv2D(3, padding="same", strides=2), layers.SeparableConv2D(6, 3)
    ),
    "a function of the user's": sequential((4, 3), Compiled()),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_call_is_left_and_the_graph_computes_the_same(name: str, rng: np.random.Generator):
    model = MODELS[name]()
    graph = onnx_of(model)
    assert not {kind for kind in operators(graph) if "Call" in kind}
    assert largest_difference(model, graph, rng.normal(size=(1, *model.input_shape[1:])).astype(np.float32)) < CLOSE


def test_upstream_alone_leaves_the_calls():
    function, specs = function_of(MODELS["two dimensions"]())
    graph, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=18)
    assert "StatefulPartitionedCall" in operators(graph)


def test_everything_is_as_before_afterwards():
    before = convert_to_constants.export_meta_graph
    with pytest.raises(KeyError), inlined_functions():
        assert convert_to_constants.export_meta_graph is not before
        raise KeyError
    assert convert_to_constants.export_meta_graph is before

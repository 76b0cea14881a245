"""TensorFlow operators that tf2onnx has no form of, or a wrong one, become ONNX operators that compute the same."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras_lowering import largest_difference, onnx_of, operators

pytestmark = pytest.mark.tensorflow
CLOSE = 2e-6


def sequential(shape: tuple[int, ...], *parts: layers.Layer) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input(shape), *parts])


class Erfc(layers.Layer):
    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.math.erfc(x)


MODELS: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "exact gelu": (sequential((9, 9, 4), layers.Conv2D(6, 3, activation="gelu"), layers.Activation("gelu")), "Erf"),
    "erfc": (sequential((50,), Erfc()), "Erf"),
    "convolution over a volume": (sequential((5, 6, 7, 8), layers.Conv3D(4, 3, dilation_rate=2)), "Conv"),
    "in groups": (sequential((5, 6, 7, 8), layers.Conv3D(12, 3, groups=4, padding="same", strides=2)), "Conv"),
    "channels first": (sequential((8, 5, 6, 7), layers.Conv3D(12, 3, groups=2, data_format="channels_first")), "Conv"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_computes_the_same(name: str, rng: np.random.Generator):
    model, kind = MODELS[name][0](), MODELS[name][1]
    graph = onnx_of(model)
    assert kind in operators(graph)
    assert largest_difference(model, graph, rng.normal(size=(1, *model.input_shape[1:])).astype(np.float32)) < CLOSE

"""Run as a program: builds small Keras models that call TensorFlow itself and writes them as ONNX with their answers.

    python keras_as_onnx.py FOLDER

TensorFlow and PyTorch cannot share a process, so the tests start this one and read what it leaves behind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras.src.export.tf2onnx_lib as keras_patches
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

layers = keras.layers


class Raw(keras.Model):
    """A subclassed model whose call is made of TensorFlow's own operators."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Conv2D(8, 3, strides=2, padding="same")
        self.last = layers.Dense(10)

    def call(self, image: Any) -> Any:
        scaled = tf.nn.leaky_relu(self.first(tf.image.resize(image, (33, 41))), 0.1)
        pooled = tf.nn.avg_pool2d(tf.nn.max_pool2d(scaled, 3, 2, "SAME"), 3, 2, "SAME")
        near = tf.gather(tf.image.resize(pooled, (7, 9), method="nearest"), [0, 3, 2, 5], axis=-1)
        blocks = tf.nn.depth_to_space(tf.concat([near, tf.math.squared_difference(near, 1.0)], -1), 2)
        padded = tf.pad(blocks, [[0, 0], [1, 2], [2, 1], [0, 0]], mode="REFLECT")
        found = tf.concat([tf.reduce_max(padded, [1, 2]), tf.math.reduce_std(padded, [1, 2])], -1)
        logits = self.last(tf.math.log1p(tf.abs(tf.nn.l2_normalize(found, -1))))
        return tf.nn.softmax(tf.nn.gelu(logits)), tf.math.top_k(logits, 3).indices


class Sizes(keras.Model):
    """A model that computes with the sizes of its input."""

    def call(self, image: Any) -> Any:
        sizes = tf.shape(image)
        resized = tf.image.resize(image, (sizes[1] * 2, sizes[2] // 2))
        rows = tf.reshape(resized, (sizes[0], -1, 3))
        return tf.reduce_mean(rows, 1), rows[:, ::2, 1:]


def _recurrent() -> Any:
    inside = [layers.Masking(), layers.Bidirectional(layers.GRU(5, return_sequences=True)), layers.LSTM(4)]
    return keras.Sequential([layers.Input((12, 4)), *inside])


def _hard_lstm() -> Any:
    return keras.Sequential([layers.Input((9, 4)), layers.LSTM(5, recurrent_activation="hard_sigmoid")])


def _values(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _masked(*shape: int) -> np.ndarray:
    values = _values(*shape)
    values[1, 8:] = 0
    values[0, :2] = 0
    return values


_MODELS: dict[str, tuple[Callable[[], Any], np.ndarray, tuple[int | None, ...] | None]] = {
    "raw": (Raw, _values(2, 24, 28, 3), None),
    "sizes": (Sizes, _values(2, 10, 12, 3), (None, None, None, 3)),
    "recurrent": (_recurrent, _masked(2, 12, 4), None),
    "hard_lstm": (_hard_lstm, _values(2, 9, 4), None),
}


def main() -> None:
    folder = Path(sys.argv[1])
    keras_patches.patch_tf2onnx()
    for name, (build, values, shape) in _MODELS.items():
        keras.utils.set_random_seed(7)
        model = build()
        answers = model(values, training=False)
        specs = [tf.TensorSpec(values.shape if shape is None else shape, tf.float32)]
        function = tf.function(model, input_signature=specs, autograph=False)
        graph, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=18)
        onnx.save(graph, folder / f"{name}.onnx")
        outputs = {f"output{place}": np.asarray(answer) for place, answer in enumerate(tf.nest.flatten(answers))}
        np.savez(folder / f"{name}.npz", input=values, **outputs)


if __name__ == "__main__":
    main()

"""A small network of separable convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def separable(x: Any, channels: int) -> Any:
    """A separable convolution, batch normalisation, ReLU and half the size."""
    x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    return layers.MaxPooling2D(2)(x)


def build() -> Any:
    """The untrained network: the probability of a face (n, 1) from grey images (n, 25, 25, 1) in [0, 1]."""
    image = keras.Input((25, 25, 1), name="image")
    x = layers.Conv2D(12, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    for channels in (24, 32, 48):
        x = separable(x, channels)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    face = layers.Dense(1, activation="sigmoid", name="face")(x)
    return keras.Model(image, face, name="faces_cnn")

"""A small Keras model whose interface has everything that converters must keep: names, several inputs, a dict."""

from __future__ import annotations

import keras


def build() -> keras.Model:
    """An image and a table row in, two named outputs out."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    row = keras.Input((5,), name="row")
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(image))
    joined = keras.layers.Concatenate()([features, row])
    outputs = {
        "scores": keras.layers.Dense(2, name="scores")(joined),
        "features": keras.layers.Dense(3, name="features")(joined),
    }
    return keras.Model({"image": image, "row": row}, outputs)

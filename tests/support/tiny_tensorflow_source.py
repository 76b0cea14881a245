"""A small model of Keras 2 whose interface has everything that converters must keep: names, several inputs, a dict."""

from __future__ import annotations

import tf_keras


def build() -> tf_keras.Model:
    """An image and a table row in, two named outputs out."""
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((8, 8, 3), name="image")
    row = tf_keras.Input((5,), name="row")
    features = tf_keras.layers.GlobalAveragePooling2D()(tf_keras.layers.Conv2D(4, 3, activation="relu")(image))
    joined = tf_keras.layers.Concatenate()([features, row])
    outputs = {
        "scores": tf_keras.layers.Dense(2, name="scores")(joined),
        "features": tf_keras.layers.Dense(3, name="features")(joined),
    }
    return tf_keras.Model({"image": image, "row": row}, outputs)

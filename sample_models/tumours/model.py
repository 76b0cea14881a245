"""Two branches of dense layers that meet, and two answers."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def build() -> Any:
    """The untrained network.

    From `means` and `errors` (n, 10), both standardised, come `worst_radius` (n, 1), in the table's unit, and
    `malignant` (n, 1), a probability. No order here is alphabetical: a converter that sorts names shows it.
    """
    means = keras.Input((10,), name="means")
    errors = keras.Input((10,), name="errors")
    first = layers.Dense(24, activation="relu")(means)
    second = layers.Dense(16, activation="relu")(errors)
    x = layers.Concatenate()([first, second])
    x = layers.Dense(24, activation="relu")(x)
    worst_radius = layers.Dense(1, name="worst_radius")(x)
    malignant = layers.Dense(1, activation="sigmoid", name="malignant")(x)
    return keras.Model(
        {"means": means, "errors": errors},
        {"worst_radius": worst_radius, "malignant": malignant},
        name="tumours",
    )

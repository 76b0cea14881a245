"""GRU layers that read an image from the left column to the right column, and back."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def build() -> Any:
    """The untrained network: digit probabilities (n, 10) from columns (n, 28, 28), columns in time, in [0, 1]."""
    columns = keras.Input((28, 28), name="columns")
    x = layers.Bidirectional(layers.GRU(28, return_sequences=True))(columns)
    x = layers.GRU(44)(x)
    x = layers.Dropout(0.1)(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    return keras.Model(columns, digit, name="digit_columns_gru")

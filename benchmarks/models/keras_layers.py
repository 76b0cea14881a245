"""Recurrent Keras layers over a sequence of any length, with seeded weights: layer(kind, steps)."""

from __future__ import annotations

import keras
import numpy as np

_WIDTH, _STATE = 64, 128


def layer(kind: str, steps: int) -> tuple[keras.Model, tuple[np.ndarray, ...]]:
    """lstm, gru, rnn or bilstm (two layers in both directions), and one sequence."""
    keras.utils.set_random_seed(0)
    sequence = keras.Input((steps, _WIDTH), name="sequence")
    made = {
        "lstm": [keras.layers.LSTM(_STATE, return_sequences=True)],
        "gru": [keras.layers.GRU(_STATE, return_sequences=True)],
        "rnn": [keras.layers.SimpleRNN(_STATE, return_sequences=True)],
        "bilstm": [keras.layers.Bidirectional(keras.layers.LSTM(_STATE, return_sequences=True)) for _ in range(2)],
    }
    outputs = sequence
    for part in made[kind]:
        outputs = part(outputs)
    values = np.random.default_rng(0).standard_normal((1, steps, _WIDTH)).astype(np.float32)
    return keras.Model(sequence, outputs), (values,)

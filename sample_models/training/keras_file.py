"""Writing and scoring a Keras sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ..catalog import Sample
from ..evaluation import evaluate_all, read_evaluation, rows
from ..metrics import Arrays


def write_model(trained: Any, build: Callable[[], Any], sample: Sample) -> Any:
    """Save the trained weights in a fresh model, so that no optimiser and no loss go into the file; returns it."""
    model = build()
    model.set_weights(trained.get_weights())
    model.save(sample.folder / sample.source)
    return model


def scores(model: Any, sample: Sample) -> dict[str, float]:
    """Every score of the model on the sample's evaluation rows, one row a call."""
    inputs, _ = read_evaluation(sample)
    return evaluate_all(sample, [_call(model, row) for row in rows(inputs)])


def _call(model: Any, row: Arrays) -> Arrays:
    given = dict(row) if len(row) > 1 else next(iter(row.values()))
    outputs = model(given, training=False)
    named = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: np.asarray(keras.ops.convert_to_numpy(tensor)) for name, tensor in named.items()}

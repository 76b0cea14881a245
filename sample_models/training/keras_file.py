"""Writing and scoring a Keras sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ..catalog import Sample
from ..evaluation import evaluate_all, read_evaluation, rows


def write_model(trained: Any, build: Callable[[], Any], sample: Sample) -> Any:
    """Save the trained weights in a fresh model, so that no optimiser and no loss go into the file; returns it."""
    model = build()
    model.set_weights(trained.get_weights())
    model.save(sample.folder / sample.source)
    return model


def scores(model: Any, sample: Sample) -> dict[str, float]:
    """Every score of the model on the sample's evaluation rows."""
    inputs, _ = read_evaluation(sample)
    given = dict(inputs) if len(inputs) > 1 else next(iter(inputs.values()))
    outputs = model(given, training=False)
    named = outputs if isinstance(outputs, dict) else {"output": outputs}
    arrays = {name: np.asarray(keras.ops.convert_to_numpy(tensor)) for name, tensor in named.items()}
    return evaluate_all(sample, list(rows(arrays)))

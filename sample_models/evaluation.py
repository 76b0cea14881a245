"""Scoring a sample's outputs against its labels, one row at a time as a device would answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..validators.labels import LABEL, label_of
from .catalog import Sample
from .metrics import Arrays


def read_evaluation(sample: Sample) -> tuple[Arrays, Arrays]:
    """Inputs and labels of every evaluation row, each by name with the rows along the leading axis."""
    with np.load(sample.evaluation, allow_pickle=False) as file:
        arrays: dict[str, NDArray[np.generic]] = dict(file)
    labels = {name: array for name, array in arrays.items() if name == LABEL or name.startswith(label_of(""))}
    return {name: array for name, array in arrays.items() if name not in labels}, labels


def rows(inputs: Arrays) -> Iterator[Arrays]:
    """The calls to make: one row each, batch axis kept (1, ...)."""
    for index in range(len(next(iter(inputs.values())))):
        yield {name: array[index : index + 1] for name, array in inputs.items()}


def evaluate(sample: Sample, outputs: Sequence[Arrays]) -> float:
    """The sample's deciding score for the outputs of every evaluation row, in their order.

    Raises ValueError when there is not exactly one set of outputs for each row.
    """
    return evaluate_all(sample, outputs)[sample.metric.name]


def evaluate_all(sample: Sample, outputs: Sequence[Arrays]) -> dict[str, float]:
    """Every score of the sample by name; see `evaluate`."""
    _, labels = read_evaluation(sample)
    expected = len(next(iter(labels.values())))
    if len(outputs) != expected:
        raise ValueError(f"{sample.name} has {expected} evaluation rows, got outputs of {len(outputs)}")
    stacked = {name: np.concatenate([each[name] for each in outputs]) for name in outputs[0]}
    return {metric.name: metric.score(stacked, labels) for metric in sample.metrics}

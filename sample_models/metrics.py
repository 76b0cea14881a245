"""How well a sample model does its task: scores in numpy over its outputs and the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..validators.labels import LABEL, label_of

Arrays = Mapping[str, NDArray[np.generic]]
Score = Callable[[Arrays, Arrays], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A named score over (outputs, labels), both by name with samples along the leading axis."""

    name: str
    score: Score
    higher_is_better: bool = True


def accuracy(outputs: Arrays, labels: Arrays) -> float:
    """Share of samples (0 to 1) whose largest class score (n, classes) is the label's (n,).

    Raises ValueError unless there is exactly one output.
    """
    return float(np.mean(np.argmax(_only(outputs), axis=-1) == labels[LABEL]))


def f1(outputs: Arrays, labels: Arrays) -> float:
    """F1 of a single output of probabilities (n, 1) against 0 and 1, deciding at 0.5.

    Raises ValueError unless there is exactly one output.
    """
    return _f1(_only(outputs), labels[LABEL])


def f1_of(output: str) -> Score:
    """F1 of one named output of probabilities, deciding at 0.5."""

    def score(outputs: Arrays, labels: Arrays) -> float:
        return _f1(outputs[output], labels[label_of(output)])

    return score


def mean_absolute_error_of(output: str) -> Score:
    """Mean distance of one named output from its label, in the label's unit."""

    def score(outputs: Arrays, labels: Arrays) -> float:
        distance = _numbers(outputs[output]) - _numbers(labels[label_of(output)])
        return float(np.mean(np.abs(distance)))

    return score


def pair_accuracy(outputs: Arrays, labels: Arrays) -> float:
    """Share of digit pairs (0 to 1) with both answers right: same digit or not, and the rounded sum."""
    same = (_numbers(outputs["same"]) >= 0.5) == (labels[label_of("same")] == 1)
    total = np.rint(_numbers(outputs["sum"])) == labels[label_of("sum")]
    return float(np.mean(same & total))


def _only(outputs: Arrays) -> NDArray[np.generic]:
    if len(outputs) != 1:
        raise ValueError(f"the task has one output, got {len(outputs)}: {', '.join(outputs)}")
    return next(iter(outputs.values()))


def _numbers(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """One number a sample, (n,), from (n,) or (n, 1)."""
    return values.astype(np.float64).reshape(len(values))


def _f1(probabilities: NDArray[np.generic], labels: NDArray[np.generic]) -> float:
    """2 TP / (2 TP + FP + FN) (van Rijsbergen, 1979); 0 when nothing is positive on either side."""
    said = _numbers(probabilities) >= 0.5
    true = labels == 1
    hits = int(np.sum(said & true))
    misses = int(np.sum(said != true))
    return 2 * hits / (2 * hits + misses) if hits + misses else 0.0

"""What quantisation costs: signal-to-noise ratio and kept decisions, summed call by call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from .recipe import OutputCost

_PROBABILITY_THRESHOLD = 0.5
_NEARLY_ONE = 1e-3  # probabilities of all classes add up to
_MOST_NOISE = 1e30  # stands for infinite noise, which JSON has no number for


class CostMeter:
    """Takes an output of the float model and of the quantised one, call after call; its size does not grow."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._signal = self._noise = 0.0
        self._decisions = self._kept = 0
        self.is_probability = True  # so far: every call's numbers were probabilities

    def add(self, reference: np.ndarray, actual: np.ndarray) -> None:
        """One call's pair, of one shape."""
        truth, other = reference.astype(np.float64), actual.astype(np.float64)
        self._signal += float(np.square(truth).sum())
        self._noise += float(np.square(truth - other).sum())
        self.is_probability = self.is_probability and _are_probabilities(truth)
        made = decisions(truth)
        if made is not None:
            self._decisions += made.size
            self._kept += int(np.count_nonzero(made == _decide(other, truth)))

    @property
    def noise(self) -> float:
        """The noise's share of the signal's power; infinite where something became NaN."""
        if math.isnan(self._noise):
            return math.inf
        return self._noise / self._signal if self._signal else math.inf if self._noise else 0.0

    @property
    def result(self) -> OutputCost:
        """The figures so far."""
        return OutputCost(
            name=self.name,
            sqnr_db=-10 * math.log10(min(self.noise, _MOST_NOISE)) if self.noise else None,
            agreement=self._kept / self._decisions if self._decisions else None,
        )


def deciding(meters: Sequence[CostMeter]) -> list[CostMeter]:
    """The outputs that somebody decides by: those that are probabilities, and where none are, all that could be scores.

    Beside the probability of a face stand four numbers that place it: which of them is the largest decides nothing.
    """
    able = [meter for meter in meters if meter.result.agreement is not None]
    return [meter for meter in able if meter.is_probability] or able


def _are_probabilities(output: np.ndarray) -> bool:
    if not output.size or output.ndim == 0 or output.min() < 0 or output.max() > 1:
        return False
    alone = output.shape[-1] == 1 or output.ndim == 1
    return alone or bool(np.allclose(output.sum(axis=-1), 1, atol=_NEARLY_ONE))


def decisions(output: np.ndarray) -> np.ndarray | None:
    """What an output decides, row by row: the largest entry, or whether a probability is above one half.

    None for what is no decision: images, sequences, single numbers outside of 0 to 1.
    """
    if output.ndim == 0 or output.ndim > 2 or not output.size:
        return None
    if output.ndim == 2 and output.shape[-1] > 1:
        return np.asarray(output.argmax(axis=-1))
    return output > _PROBABILITY_THRESHOLD if output.min() >= 0 and output.max() <= 1 else None


def _decide(output: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The decisions of the other side, taken in the same way."""
    if like.ndim == 2 and like.shape[-1] > 1:
        return np.asarray(output.argmax(axis=-1))
    return np.asarray(output > _PROBABILITY_THRESHOLD)


class Meter(Protocol):
    """What has figures: an output, or a task."""

    @property
    def noise(self) -> float:
        """The noise's share of the signal's power."""
        ...


def worst_noise(meters: Iterable[Meter]) -> float:
    """The noise of the output that lost most."""
    return max((meter.noise for meter in meters), default=0.0)

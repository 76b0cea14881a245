"""A task's own metric: a function of the user's over the outputs of many calls and their labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..tensors import Call
from ..user_code import load_function
from .recipe import OutputCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`function` ("file.py:fn") takes outputs and labels by name, samples along the first axis; higher is better.

    `labels` are those of all calls, in their order.
    """

    function: str
    labels: Mapping[str, np.ndarray]

    def of(self, outputs: Iterable[Call]) -> float:
        """The score of the first calls; raises SourceError, and InputError for what is no score."""
        calls = list(outputs)
        stacked = {name: np.concatenate([np.atleast_1d(call[name]) for call in calls]) for name in calls[0]}
        rows = len(next(iter(stacked.values())))
        short = [name for name, values in self.labels.items() if len(values) < rows]
        if short:
            raise InputError(
                f"there are {rows} rows of outputs, and {len(self.labels[short[0]])} of {short[0]!r}",
                fix="store a label for every row of the inputs",
            )
        value = _called(self.function, stacked, {name: values[:rows] for name, values in self.labels.items()})
        if not math.isfinite(value):
            raise InputError(f"{self.function} gave {value}", fix="let it return a number that is higher for better")
        return value


class ScoreMeter:
    """How far the score of a quantised model lies below the float one's, in the place of an output's figures."""

    noise = 0.0

    def __init__(self, name: str, fall: float) -> None:
        self.name = name
        self.fall = fall

    @property
    def result(self) -> OutputCost:
        """Nothing that decibels or decisions say."""
        return OutputCost(name=self.name, sqnr_db=None)


def _called(function: str, outputs: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> float:
    try:
        return float(load_function(function)(outputs, labels))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{function} raised {type(error).__name__}: {error}",
            fix="it is called with outputs and labels, dictionaries of arrays, and returns a number",
        ) from error

"""Finds the weights of the quantised program in a LiteRT file again, and stores them there as the integers they are.

Converters transpose, reshape and reverse weights on their way into the file, but do not compute with them: the same
numbers stand there in another order, and every one is an integer times the scale of its channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .graph import Graph

_LARGEST = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerConstant:
    """A constant of the quantised program: int8 values, float32 scales along an axis (None for one scale).

    `measured` says that a layer multiplies it with integers whose scale is chosen as it runs.
    """

    values: np.ndarray
    scales: np.ndarray
    axis: int | None
    measured: bool

    @property
    def real(self) -> np.ndarray:
        """What it stands for, as the converter was given it."""
        spread = [-1 if place == self.axis else 1 for place in range(self.values.ndim)]
        return self.values.astype(np.float32) * self.scales.reshape(spread if self.axis is not None else ())


@dataclass(frozen=True, slots=True)
class Form:
    """Where an operator has its activation, weights and bias, and which axis of the weights has the scales."""

    activation: int
    weights: int
    bias: int
    axis: int


_PLAIN = Form(0, 1, 2, 0)
_FORMS = {
    "CONV_2D": _PLAIN,
    "FULLY_CONNECTED": _PLAIN,
    "DEPTHWISE_CONV_2D": Form(0, 1, 2, 3),
    "TRANSPOSE_CONV": Form(2, 1, 3, 0),
}


def form_of(name: str) -> Form:
    """The form of an operator that multiplies by weights."""
    return _FORMS[name]


class Weights:
    """The integer constants of a program, to be found by the values that a file has."""

    def __init__(self, constants: Iterable[IntegerConstant]) -> None:
        self._known: dict[tuple[int, bytes], list[IntegerConstant]] = {}
        for constant in constants:
            self._known.setdefault(_contents(constant.real), []).append(constant)
        self._sizes = {size for size, _ in self._known}
        self._stored: dict[tuple[Graph, int, int], int | None] = {}

    def stored(self, graph: Graph, index: int, axis: int) -> int | None:
        """The int8 tensor of a float constant, made once for each graph."""
        key = (graph, index, axis)
        if key not in self._stored:
            values = graph.constant(index) if graph.is_float(index) else None
            found = None if values is None else self._integers(values, axis)
            self._stored[key] = None if found is None else self._store(graph, index, *found, axis)
        return self._stored[key]

    def find(self, graph: Graph, index: int) -> IntegerConstant | None:
        """The constant that a float tensor of a file holds the numbers of."""
        values = graph.constant(index) if graph.is_float(index) else None
        found = self._candidates(values) if values is not None else []
        return found[0] if found else None

    def axis_of(self, graph: Graph, index: int) -> int | None:
        """The axis along which a stored constant has its scales in the file; None where it is not one of ours."""
        values = graph.constant(index)
        if values is None:
            return None
        return next((axis for axis in range(values.ndim) if self._integers(values, axis) is not None), None)

    def _store(self, graph: Graph, index: int, integers: np.ndarray, scales: np.ndarray, axis: int) -> int:
        return graph.store(f"{graph.label(index)}/int8", integers, scales, axis)

    def _candidates(self, values: np.ndarray) -> Sequence[IntegerConstant]:
        if values.size not in self._sizes or values.dtype != np.float32:
            return []
        return self._known.get(_contents(values), [])

    def _integers(self, values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
        """The integers and scales that give exactly these values."""
        for constant in self._candidates(values):
            count = constant.scales.size
            if count not in {1, values.shape[axis]}:
                continue
            spread = [-1 if place == axis else 1 for place in range(values.ndim)]
            scales = constant.scales.reshape(-1)
            steps = scales.reshape(spread) if count > 1 else scales[0]
            integers = np.round(values / steps)
            if np.abs(integers).max() <= _LARGEST and np.array_equal(integers.astype(np.float32) * steps, values):
                return integers.astype(np.int8), scales
        return None


def _contents(values: np.ndarray) -> tuple[int, bytes]:
    """What does not depend on the order of the values."""
    ordered = np.sort(values.reshape(-1)) + np.float32(0)  # no negative zeros
    return values.size, hashlib.sha256(ordered.tobytes()).digest()

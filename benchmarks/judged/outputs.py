"""Faults that show in what an artifact gives, whatever made them: the calls of a correct one, changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Call = dict[str, np.ndarray]
Damage = Callable[[list[Call]], list[Call] | None]


def _first_float(calls: list[Call]) -> str | None:
    return next((name for name, array in calls[0].items() if array.dtype.kind == "f"), None)


def _changed(calls: list[Call], change: Callable[[int, np.ndarray], np.ndarray]) -> list[Call] | None:
    name = _first_float(calls)
    if name is None:
        return None
    return [{**call, name: change(place, call[name])} for place, call in enumerate(calls)]


def nan_once(calls: list[Call]) -> list[Call] | None:
    """One element of the last call."""

    def change(place: int, array: np.ndarray) -> np.ndarray:
        if place != len(calls) - 1:
            return array
        changed = array.copy()
        changed.flat[-1] = np.nan
        return changed

    return _changed(calls, change)


def constant(calls: list[Call]) -> list[Call] | None:
    """Every element is the mean of the first call."""
    return _changed(calls, lambda _place, array: np.full_like(array, calls[0][_first_float(calls) or ""].mean()))


def ignores_its_input(calls: list[Call]) -> list[Call] | None:
    """The answer to the first call of each shape, to all of them."""
    first: dict[tuple[int, ...], np.ndarray] = {}
    return _changed(calls, lambda _place, array: first.setdefault(array.shape, array))


def outputs_swapped(calls: list[Call]) -> list[Call] | None:
    """Two outputs under each other's name, as far as their shapes allow."""
    names = list(calls[0])
    if len(names) < 2:
        return None
    return [{**call, names[0]: call[names[1]], names[1]: call[names[0]]} for call in calls]


def one_element_once(calls: list[Call]) -> list[Call] | None:
    """One element of one call is off by a thousandth of the output's size."""

    def change(place: int, array: np.ndarray) -> np.ndarray:
        if place != len(calls) // 2:
            return array
        changed = array.copy()
        changed.flat[array.size // 2] += np.abs(array).max() * array.dtype.type(1e-3)
        return changed

    return _changed(calls, change)


DAMAGES: dict[str, Damage] = {
    "a NaN in one element of one call": nan_once,
    "an output gone constant": constant,
    "an output that ignores its input": ignores_its_input,
    "two outputs swapped": outputs_swapped,
    "one element of one call 0.1 % off": one_element_once,
}

"""Observers: what a histogram keeps of a stream, and what each observer makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproof.converters.quantization.observers import Histogram, Range

Array = np.ndarray[Any, np.dtype[Any]]


def histogram_of(*calls: Array) -> Histogram:
    found = Histogram()
    for call in calls:
        found.add(call)
    return found


def by_observer(found: Histogram) -> dict[str, Range]:
    return {item.observer: item for item in found.ranges()}


def error_of(values: Array, chosen: Range) -> float:
    """The mean squared error of the values themselves, rounded to the range's grid."""
    integers = np.clip(np.round(values / chosen.scale) + chosen.zero_point, -128, 127)
    return float(np.mean(((integers - chosen.zero_point) * chosen.scale - values) ** 2))


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_every_value_is_counted_however_the_range_grows(values: list[float]) -> None:
    found = histogram_of(*(np.array([value], np.float32) for value in values))
    assert found._counts.sum() == len(values)
    assert (found.low, found.high) == (min(values), max(values))


def test_a_wider_histogram_is_the_one_that_was_wide_from_the_start(rng: np.random.Generator) -> None:
    narrow, wide = rng.standard_normal(1000), np.array([-900.0, 900.0])
    grown, whole = histogram_of(narrow, wide), histogram_of(wide, narrow)
    assert np.array_equal(grown._counts, whole._counts)
    assert grown.ranges() == whole.ranges()


def test_extremes_are_kept_exactly(rng: np.random.Generator) -> None:
    values = np.concatenate([rng.standard_normal(1000), [-7.123456, 11.654321]])
    chosen = by_observer(histogram_of(values))["min-max"]
    assert (chosen.low, chosen.high) == (-7.123456, 11.654321)


@pytest.mark.parametrize("shift", [5.0, -5.0])
def test_zero_is_always_inside_and_on_the_grid(shift: float, rng: np.random.Generator) -> None:
    for chosen in histogram_of(rng.uniform(0, 1, 1000) + shift).ranges():
        assert chosen.low <= 0 <= chosen.high
        assert -128 <= chosen.zero_point <= 127
        assert chosen.zero_point == (-128 if shift > 0 else 127)


def test_percentiles_leave_out_as_much_as_they_say(rng: np.random.Generator) -> None:
    values = rng.standard_normal(1_000_000)
    found = by_observer(histogram_of(values))
    for percent in (99.9, 99.99):
        chosen = found[f"percentile {percent}"]
        inside = np.mean((values >= chosen.low) & (values <= chosen.high)) * 100
        assert inside == pytest.approx(percent, abs=0.005)


def test_the_observer_of_the_squared_error_lets_outliers_go(rng: np.random.Generator) -> None:
    values = np.concatenate([rng.standard_normal(100_000), [-9.0, 9.0]])
    found = by_observer(histogram_of(values))
    assert found["mse"].high < 0.8 * found["min-max"].high
    assert found["mse"].error < 0.9 * found["min-max"].error


def test_evenly_spread_values_keep_their_extremes(rng: np.random.Generator) -> None:
    found = histogram_of(rng.uniform(-1, 1, 100_000)).ranges()
    best = min(found, key=lambda item: item.error)
    assert best.error == pytest.approx(best.scale**2 / 12, rel=0.05)
    assert best.high > 0.99


@pytest.mark.parametrize("stretch", [1, 4, 0.01])
def test_errors_are_those_of_rounding_every_value(stretch: float, rng: np.random.Generator) -> None:
    values = rng.laplace(size=50_000) * stretch
    for chosen in histogram_of(*np.split(values, 10)).ranges():
        assert chosen.error == pytest.approx(error_of(values, chosen), rel=0.02)


def test_a_constant_is_known_as_one() -> None:
    assert histogram_of(np.full((3, 4), 2.5)).is_constant
    assert not histogram_of(np.array([2.5]), np.array([2.6])).is_constant
    chosen = by_observer(histogram_of(np.full((3, 4), 2.5)))["min-max"]
    assert (chosen.low, chosen.high) == (0.0, 2.5)


@pytest.mark.parametrize("calls", [[np.zeros((2, 3))], [np.zeros(0)], []], ids=["zeros", "no values", "no calls"])
def test_a_tensor_that_is_always_zero_has_a_scale_that_kernels_take(calls: list[Array]) -> None:
    for chosen in histogram_of(*calls).ranges():
        assert chosen.error == 0
        # A step of next to nothing would ask for factors between tensors that integer kernels do not have.
        assert chosen.scale == pytest.approx(1 / 255)


def test_zeros_count_before_anything_else_is_seen() -> None:
    assert histogram_of(np.zeros(10), np.ones(5))._counts.sum() == 15


def test_nan_and_infinity_are_counted_apart() -> None:
    found = histogram_of(np.array([np.nan, 1.0, np.inf, -2.0, -np.inf]), np.array([np.nan]))
    assert found.broken == 4
    assert (found.low, found.high) == (-2.0, 1.0)
    assert found._counts.sum() == 2


def test_memory_does_not_grow_with_the_calls(rng: np.random.Generator) -> None:
    found = histogram_of(rng.standard_normal(10))
    before = found._counts.nbytes
    for exponent in range(30):
        found.add(rng.standard_normal(1000) * 10.0**exponent)
    assert found._counts.nbytes == before
    assert set(vars(found)) == {"low", "high", "broken", "_reach", "_counts"}


def test_the_largest_floats_do_not_overflow() -> None:
    largest = float(np.finfo(np.float32).max)
    found = histogram_of(np.array([-largest, largest], np.float32), np.array([1e-30], np.float32))
    assert all(np.isfinite([item.scale, item.error]).all() for item in found.ranges())

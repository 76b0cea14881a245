"""Values are found by what they are: in any order of axes, in any shape, and nothing is found by its size alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.validators.diagnosis.matching import EPSILON, Match, Values, floor_of, tells

Array = np.ndarray[Any, np.dtype[Any]]
NOISE = 1e-7


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def nearest(values: dict[str, Array], value: Array) -> Match | None:
    return min(Values(values).near(value, NOISE), key=lambda match: match.ratio, default=None)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (3, 2, 1, 0)])
def test_axes_in_another_order_are_the_same_value(order: tuple[int, ...]) -> None:
    value = drawn(1, 3, 4, 5)
    match = nearest({"turned": value.transpose(order)}, value)
    assert match is not None
    assert match.ratio == 0
    assert np.array_equal(match.value, value)


def test_the_order_is_told_so_that_a_script_can_turn_it_back() -> None:
    value = drawn(1, 3, 4, 5)
    tap = np.ascontiguousarray(value.transpose(0, 2, 3, 1))
    match = nearest({"nhwc": tap}, value)
    assert match is not None
    assert match.order is not None
    assert np.array_equal(tap.reshape(4, 5, 3).transpose(match.order).reshape(value.shape), value)
    as_it_lies = nearest({"flat": value.reshape(60)}, value)
    assert as_it_lies is not None
    assert as_it_lies.order is None


def test_axes_of_one_size_are_turned_too() -> None:
    value = drawn(4, 4)
    match = nearest({"turned": value.T}, value)
    assert match is not None
    assert match.ratio == 0


def test_rounding_is_told_from_a_fault() -> None:
    value = drawn(100)
    rounded = nearest({"rounded": value.astype(np.float32)}, value)
    faulty = nearest({"faulty": value * 1.0005}, value)
    assert rounded is not None
    assert faulty is not None
    assert rounded.ratio < 1
    assert faulty.ratio > 1000


def test_a_stranger_of_the_same_size_is_no_match() -> None:
    value = drawn(64)
    assert nearest({"stranger": 3 * drawn(64, seed=1)}, value) is None
    alike = 1 / np.sqrt(np.mean(np.square(drawn(64, seed=1)))) * drawn(64, seed=1) * np.sqrt(np.mean(np.square(value)))
    match = nearest({"of the same rms": alike}, value)
    assert match is not None
    assert match.ratio > 1e5


def test_the_nearest_of_several_is_found_and_all_that_have_the_value_are_there() -> None:
    value = drawn(2, 6)
    taps = {"off": value * 1.0001, "reshaped": value.reshape(3, 4), "same": value.copy(), "smaller": value[:1]}
    matches = {match.tap: match.ratio for match in Values(taps).near(value, NOISE)}
    assert matches.keys() == {"off", "reshaped", "same"}
    assert (matches["reshaped"], matches["same"]) == (0, 0)
    assert matches["off"] > 100


def test_one_tap_is_compared_whatever_its_rms() -> None:
    value = drawn(8)
    values = Values({"faulty": 4 * value, "smaller": value[:4]})
    assert list(values.near(value, NOISE)) == []
    match = values.match("faulty", value, NOISE)
    assert match is not None
    assert match.ratio > 1e6
    assert values.match("smaller", value, NOISE) is None
    assert values.match("gone", value, NOISE) is None


def test_integers_and_empty_values_are_nobodys() -> None:
    value = drawn(3)
    assert nearest({"integers": np.array([1, 2, 3])}, np.array([1.0, 2.0, 3.0])) is None
    assert nearest({"empty": np.zeros((0, 3))}, value) is None


def test_exact_zeros_match_zeros_alone() -> None:
    zeros = np.zeros(4)
    matches = {match.tap: match.ratio for match in Values({"zeros": zeros, "tiny": zeros + 1e-30}).near(zeros, 0.0)}
    assert matches["zeros"] == 0
    assert matches.get("tiny", np.inf) == np.inf


def test_constants_and_single_numbers_tell_nothing() -> None:
    assert tells(drawn(2))
    assert not tells(np.ones(16))
    assert not tells(np.full(16, 0.1) * (1 + EPSILON * np.linspace(0, 0.5, 16)))
    assert not tells(np.array([0.3]))
    assert not tells(np.array([1.0, np.nan, 2.0]))


def test_no_value_is_held_to_less_than_one_rounding() -> None:
    assert floor_of(np.full(9, 2.0), 0.0) == pytest.approx(2 * EPSILON)
    assert floor_of(np.full(9, 2.0), 1e-3) == 1e-3

"""Limits, the checks against them, and the smallest limit that would have passed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from floors import Array, policy_for
from hypothesis import given
from hypothesis import strategies as st

from edgeproof.converters.signature import TensorSpec
from edgeproof.validators.limits import LARGEST, RMS, measured_limits
from edgeproof.validators.noise_floor import FloorKind, NoiseFloor
from edgeproof.validators.observer import OutputObserver, Truth
from edgeproof.validators.parity import Check
from edgeproof.validators.tolerance import FloorPolicy, check, round_up

LIMITS = replace(measured_limits(), rms=5.0, largest=10.0)


def judged(reference: Array, actual: Array, *, floor: NoiseFloor | None = None) -> tuple[Check, ...]:
    calls = [{"x": reference}]
    observer = OutputObserver(TensorSpec(name="x", dtype=reference.dtype.name, shape=reference.shape))
    observer.add(0, calls[0], {"x": actual}, Truth())
    policy = FloorPolicy(floor=floor or policy_for(calls).floor, limits=LIMITS)
    return policy.checks(observer.metrics(), output="x")


def test_limits_are_those_that_were_measured_and_catch_what_is_ten_times_the_floor():
    limits = measured_limits()
    assert 1 < limits.rms <= 10
    assert limits.rms <= limits.largest


def test_floats_are_checked_in_multiples_of_the_floor():
    reference = np.linspace(1, 2, 100, dtype=np.float32)
    rms, largest = judged(reference, reference + np.float32(9 * 2.0**-23))
    assert (rms.quantity, largest.quantity) == (RMS, LARGEST)
    assert rms.value == pytest.approx(6, rel=0.1)
    assert not rms.passed
    assert largest.passed


def test_one_element_far_off_fails_where_the_mean_hides_it():
    reference = np.linspace(1, 2, 100_000, dtype=np.float32)
    actual = reference.copy()
    actual[500] += np.float32(30 * 2.0**-23)
    rms, largest = judged(reference, actual)
    assert rms.passed
    assert not largest.passed


def test_an_output_without_a_floor_never_passes():
    reference = np.ones(3, np.float32)
    assert not any(one.passed for one in judged(reference, reference, floor=NoiseFloor(kind=FloorKind.JITTER)))


def test_one_wrong_integer_is_too_many():
    numbers = np.arange(1_000_000)
    assert [one.passed for one in judged(numbers, numbers)] == [True]
    wrong = numbers.copy()
    wrong[7] = 0
    (only,) = judged(numbers, wrong)
    assert (only.quantity, only.passed, only.would_pass) == ("mismatches", False, 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_never_passes(value: float):
    result = check("max_abs/scale", value, math.inf)
    assert not result.passed
    assert result.value is None
    assert result.would_pass is None


def test_a_value_on_the_limit_passes():
    assert check("rms/scale", 1e-5, 1e-5).passed
    assert not check("rms/scale", 1.001e-5, 1e-5).passed


@pytest.mark.parametrize(
    ("value", "rounded"), [(1.001e-5, 1.1e-5), (1e-5, 1e-5), (0.0, 0.0), (9.99, 10.0), (0.07, 0.07), (123.0, 130.0)]
)
def test_the_limit_that_would_pass_has_two_digits(value: float, rounded: float):
    assert round_up(value) == rounded


@given(st.floats(min_value=0.0, allow_nan=False, allow_infinity=False))
def test_the_limit_that_would_pass_does_pass(value: float):
    rounded = round_up(value)
    assert math.isfinite(rounded)
    assert rounded >= value
    assert rounded <= value * 1.1 or value < 1e-300
    assert check("x", value, rounded).passed

"""Limits, the checks against them, and the smallest limit that would have passed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproof.validators.accumulators import DECIDED
from edgeproof.validators.metrics import OutputMeter
from edgeproof.validators.tolerance import FLOAT_POLICY, ScalePolicy, check, round_up

POLICY = ScalePolicy(name="test", max_abs=1e-3, rms=1e-4)


def test_limits_lie_between_what_correct_conversions_do_and_what_decides():
    policy = FLOAT_POLICY
    largest_seen_of_a_correct_conversion = 1.2e-5
    assert policy.max_abs > 2 * largest_seen_of_a_correct_conversion
    assert policy.max_abs <= DECIDED / 2, "an accepted output could lose a decision"
    assert policy.rms < policy.max_abs


def test_floats_are_checked_by_their_share_of_the_scale():
    meter = OutputMeter()
    meter.add(np.array([100.0, 1.0]), np.array([100.2, 1.0]))
    by_name = {one.quantity: one for one in POLICY.checks(meter.metrics())}
    assert by_name["max_abs/scale"].value == pytest.approx(2e-3)
    assert not by_name["max_abs/scale"].passed
    assert by_name["max_abs/scale"].would_pass == pytest.approx(2.1e-3)
    assert by_name["max_abs/scale"].limit == POLICY.max_abs


def test_one_wrong_integer_is_too_many():
    meter = OutputMeter()
    meter.add(np.arange(1_000_000), np.arange(1_000_000))
    assert [one.passed for one in POLICY.checks(meter.metrics())] == [True]
    meter.add(np.array([1]), np.array([2]))
    (only,) = POLICY.checks(meter.metrics())
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

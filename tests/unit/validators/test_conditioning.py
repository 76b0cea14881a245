"""Notes on outputs that show little: saturated ones, and choices that nobody has made. They gate nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.converters.signature import TensorSpec
from edgeproof.validators.accumulators import Saturation
from edgeproof.validators.faults import notes
from edgeproof.validators.metrics import OutputMeter

Array = np.ndarray[Any, np.dtype[Any]]
SPEC = TensorSpec(name="probs", dtype="float32", shape=(1, 10))


def told(*calls: Array) -> list[str]:
    meter = OutputMeter()
    for call in calls:
        meter.add(call, call)
    return list(notes(SPEC, meter.metrics()))


def said(found: list[str], words: str) -> bool:
    return any(words in note for note in found)


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def test_an_output_at_the_ends_of_its_range_is_saturated(rng: np.random.Generator):
    calls = [softmax(1e4 * rng.standard_normal((1, 10))) for _ in range(20)]
    found = told(*calls)
    assert said(found, "% of the source's 'probs' lies at the ends of its range, 0 and 1: it is saturated")


def test_one_value_and_a_few_others_are_saturated_too(rng: np.random.Generator):
    calls = [np.where(rng.random((1, 1000)) < 0.005, rng.random((1, 1000)), 0.0) for _ in range(5)]
    assert said(told(*calls), "saturated")


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_a_model_that_is_merely_sure_is_not(scale: float, rng: np.random.Generator):
    assert not said(told(*(softmax(scale * rng.standard_normal((1, 10))) for _ in range(20))), "saturated")


def test_few_elements_and_integers_say_nothing(rng: np.random.Generator):
    assert not said(told(*(np.eye(10)[index : index + 1] for index in range(3))), "saturated")
    assert not said(told(*(rng.integers(0, 2, (1, 100)) for _ in range(5))), "saturated")


def test_a_wider_range_forgets_the_ends_before_it():
    saturation = Saturation()
    saturation.add(np.repeat([0.0, 1.0], 50))
    assert saturation.elements == 100
    saturation.add(np.array([0.0, 10.0]))
    assert saturation.elements == 52, "those at 1 stand inside now"
    saturation.add(np.array([-10.0]))
    assert saturation.elements == 2


def test_what_lies_at_an_end_is_counted_over_calls(rng: np.random.Generator):
    calls = [np.clip(rng.standard_normal(200), -0.5, 0.5) for _ in range(10)]
    saturation = Saturation()
    for call in calls:
        saturation.add(call)
    assert saturation.elements == sum(int((np.abs(call) == 0.5).sum()) for call in calls)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_at_no_end(bad: float):
    saturation = Saturation()
    saturation.add(np.array([0.0, 1.0, 0.5, bad]))
    assert saturation.elements == 2


def test_rows_without_a_leader_are_told(rng: np.random.Generator):
    undecided = [np.full((1, 10), value) + 1e-9 * rng.random((1, 10)) for value in (0.1, 0.2, 0.3)]
    found = told(*undecided, softmax(rng.standard_normal((1, 10))))
    assert said(found, "in 3 of 4 rows of the source's 'probs' the largest entry leads by no more than rounding")


def test_a_few_undecided_rows_are_not(rng: np.random.Generator):
    calls = [softmax(rng.standard_normal((1, 10))) for _ in range(6)]
    assert not said(told(*calls, np.full((1, 10), 0.1)), "leads by no more")

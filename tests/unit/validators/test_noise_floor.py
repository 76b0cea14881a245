"""The floor: what it is measured by, when the truth is not believed, and which decisions are the source's own."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np
import pytest

from edgeproof.validators.golden import DOCUMENT
from edgeproof.validators.limits import measured_limits
from edgeproof.validators.noise_floor import (
    EPSILON,
    Error,
    FloorKind,
    Group,
    NoiseFloor,
    error_of,
    measure_floor,
    undecided,
)

Array = np.ndarray[Any, np.dtype[Any]]


def calls(*arrays: Array) -> list[dict[str, Array]]:
    return [{"x": array} for array in arrays]


def wide(shape: tuple[int, ...] = (100,)) -> Array:
    return np.random.default_rng(1).standard_normal(shape)


def floors(floor: NoiseFloor, errors: dict[Group, Error] | None = None) -> list[tuple[float, float]]:
    return [(rms, largest) for _, rms, largest in floor.of("x", errors or {})]


def test_the_larger_of_the_sources_noise_and_the_jitters_counts():
    truth = wide()
    noise = np.full(100, 1e-6)
    by_source = measure_floor(calls(truth + noise), calls(truth), [calls(truth + noise / 4)], repeat(Group.REAL))
    by_jitter = measure_floor(calls(truth + noise / 4), calls(truth), [calls(truth + noise)], repeat(Group.REAL))
    assert by_source.kind is FloorKind.FLOAT64
    for floor in (by_source, by_jitter):
        assert floors(floor) == [(pytest.approx(1e-6), pytest.approx(1e-6))]


def test_the_largest_of_several_jittered_runs_counts():
    truth = wide()
    runs = [calls(truth + 1e-6), calls(truth + 3e-6), calls(truth + 2e-6)]
    assert floors(measure_floor(calls(truth), calls(truth), runs, repeat(Group.REAL)))[0][0] == pytest.approx(3e-6)


def test_no_output_is_held_to_less_than_one_rounding():
    truth = np.ones(100)
    assert floors(measure_floor(calls(truth), calls(truth), [], repeat(Group.REAL)))[0][0] == pytest.approx(EPSILON)


def test_real_and_generated_calls_have_floors_of_their_own():
    truth = wide()
    floor = measure_floor(
        calls(truth + 1e-6, 3 * truth + 5e-6), calls(truth, 3 * truth), [], [Group.REAL, Group.PROBES]
    )
    assert floors(floor) == [
        (pytest.approx(1e-6), pytest.approx(1e-6)),
        (pytest.approx(5e-6), pytest.approx(5e-6)),
    ]


def test_a_few_numbers_are_taken_with_the_others():
    floor = measure_floor(calls(wide((3,)), wide((3,))), None, [], [Group.REAL, Group.PROBES])
    assert len(floors(floor)) == 1


def test_a_truth_further_away_than_rounding_explains_is_not_believed():
    truth = wide()
    far = truth + 2 * measured_limits().doubt * 1e-6
    floor = measure_floor(calls(far), calls(truth), [calls(truth + 1e-6)], repeat(Group.REAL)).trusted()
    assert floor.kind is FloorKind.JITTER
    assert "'x'" in floor.why
    assert floors(floor)[0][0] == pytest.approx(1e-6), "the doubtful truth must not widen the floor"
    near = measure_floor(calls(truth + 3e-6), calls(truth), [calls(truth + 1e-6)], repeat(Group.REAL)).trusted()
    assert near.kind is FloorKind.FLOAT64


def test_another_source_is_doubted_by_the_jitter_that_was_stored():
    truth = wide()
    stored = measure_floor(calls(truth + 1e-6), calls(truth), [calls(truth + 1e-6)], repeat(Group.REAL))
    other = measure_floor(calls(truth + 1e-2), calls(truth), [], repeat(Group.REAL))
    assert other.with_jitter_of(stored).trusted().kind is FloorKind.JITTER


def test_a_floor_is_read_as_it_was_written():
    floor = measure_floor(calls(wide()), calls(wide() + 1e-7), [], repeat(Group.REAL))
    assert DOCUMENT.decode(DOCUMENT.encode(floor), name="floor.json") == floor


def test_what_is_not_finite_on_either_side_is_left_out():
    error = error_of(np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0, np.inf]))
    assert (error.elements, error.largest) == (1, 1.0)


def test_decisions_that_any_run_takes_otherwise_are_undecided():
    source = {"label": np.array([1, 2, 3]), "score": np.array([0.5])}
    others = [{"label": np.array([1, 2, 4])}, {"label": np.array([0, 2, 3])}]
    masks = undecided(source, others)
    assert list(masks) == ["label"]
    assert masks["label"].tolist() == [True, False, True]
    assert undecided(source, [{"label": np.array([1])}])["label"].all(), "rounding decides how many there are"


def test_generated_inputs_on_which_the_source_loses_far_more_are_left_out():
    truth = wide()
    lost = 100 * 1e-6
    sources = calls(truth + 1e-6, truth + 1e-6, truth + lost)
    groups = [Group.REAL, Group.PROBES, Group.PROBES]
    floor = measure_floor(sources, calls(truth, truth, truth), [], groups)
    assert floor.unsteady == {"x": (2,)}
    assert floors(floor) == [(pytest.approx(1e-6), pytest.approx(1e-6))] * 2
    errors = {Group.UNSTEADY: Error(squares=1e9, largest=1e9, elements=100)}
    assert all(error.elements == 0 for error, _, _ in floor.of("x", errors))


def test_real_inputs_are_never_left_out():
    truth = wide()
    floor = measure_floor(
        calls(truth + 1e-6, truth + 1e-2), calls(truth, truth), [], [Group.REAL, Group.REAL], unsteady=None
    )
    assert not floor.unsteady


def test_calls_that_were_left_out_stay_out_when_the_source_runs_again():
    truth = wide()
    again = measure_floor(
        calls(truth, truth + 1.0), calls(truth, truth), [], [Group.REAL, Group.PROBES], unsteady={"x": (1,)}
    )
    assert list(again.outputs["x"]) == [Group.REAL]


def test_generated_inputs_that_bring_far_larger_numbers_are_left_out():
    truth = wide()
    far = 1000 * truth
    groups = [Group.REAL, Group.PROBES]
    assert measure_floor(calls(truth, far), calls(truth, far), [], groups).unsteady == {"x": (1,)}
    zeros = np.zeros(100)
    assert not measure_floor(calls(zeros, truth), calls(zeros, truth), [], groups).unsteady


def test_a_few_real_numbers_do_not_tell_what_is_large():
    one, far = np.full(1, 0.0005), np.full(1, 0.44)
    groups = [Group.REAL, Group.PROBES]
    assert not measure_floor(calls(one, far), calls(one, far), [], groups).unsteady


def test_the_floor_of_some_calls_is_that_of_these_alone():
    truth = wide()
    sources = calls(truth + 1e-6, truth + 2e-6, truth + 3e-6, truth + 1.0)
    groups = [Group.REAL, Group.REAL, Group.PROBES, Group.PROBES]
    floor = measure_floor(sources, calls(truth, truth, truth, truth), [], groups)
    assert floor.unsteady == {"x": (3,)}
    part = floor.part((1, 3))
    assert part.unsteady == {"x": (1,)}
    assert floors(part) == [(pytest.approx(2e-6), pytest.approx(2e-6))]
    assert floor.part((0, 1, 2, 3)) == floor

"""What is measured on one output: figures against numpy's own, and everything that could slip through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeproof.converters.errors import InputError
from edgeproof.validators.accumulators import DECIDED
from edgeproof.validators.metrics import OutputMeter, OutputMetrics

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


def measured(*pairs: tuple[Any, Any]) -> OutputMetrics:
    meter = OutputMeter()
    for reference, actual in pairs:
        meter.add(np.asarray(reference), np.asarray(actual))
    return meter.metrics()


def pairs_of_arrays(elements: Any) -> st.SearchStrategy[tuple[Any, Any]]:
    shapes = hnp.array_shapes(max_dims=3, max_side=5)
    return shapes.flatmap(
        lambda shape: st.tuples(*(hnp.arrays(np.float32, shape, elements=elements) for _ in range(2)))
    )


def test_figures_are_those_of_all_calls_together(rng: np.random.Generator):
    calls = [(rng.standard_normal((3, 7)), rng.standard_normal((3, 7)) * 10.0**power) for power in (-3, 0, 2, -1)]
    metrics = measured(*calls)
    reference = np.concatenate([pair[0].ravel() for pair in calls])
    actual = np.concatenate([pair[1].ravel() for pair in calls])
    error = reference - actual
    assert metrics.max_abs == np.abs(error).max()
    assert metrics.scale == np.abs(reference).max()
    assert metrics.rms == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-12)
    assert metrics.sqnr_db == pytest.approx(10 * np.log10(np.sum(reference**2) / np.sum(error**2)), rel=1e-12)
    assert metrics.cosine == pytest.approx(
        reference @ actual / (np.linalg.norm(reference) * np.linalg.norm(actual)), rel=1e-12
    )


def test_the_worst_element_is_named_with_both_values():
    metrics = measured(
        (np.zeros((2, 3)), np.zeros((2, 3))), ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[1, 2, 3], [4, 9.5, 6.0]])
    )
    assert metrics.worst is not None
    assert (metrics.worst.call, metrics.worst.index) == (1, (1, 1))
    assert (metrics.worst.reference, metrics.worst.actual) == (5.0, 9.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_on_one_side_makes_every_difference_infinite(bad: float):
    metrics = measured(([1.0, 2.0, 3.0], [1.0, bad, 3.0]))
    assert metrics.appeared == 1
    assert metrics.max_abs == metrics.rms == metrics.max_rel_to_scale == math.inf
    assert metrics.sqnr_db == -math.inf
    assert metrics.cosine is None
    assert metrics.first_appeared is not None
    assert metrics.first_appeared.index == (1,)


@pytest.mark.parametrize(
    ("reference", "actual", "appeared", "vanished"),
    [
        (np.nan, np.nan, 0, 0),
        (np.inf, np.inf, 0, 0),
        (np.inf, -np.inf, 1, 0),
        (np.nan, np.inf, 1, 0),
        (np.inf, np.nan, 1, 0),
        (np.nan, 1.0, 0, 1),
        (-np.inf, 1.0, 0, 1),
        (1.0, np.nan, 1, 0),
    ],
)
def test_nan_and_infinity_count_unless_both_sides_have_the_same(
    reference: float, actual: float, appeared: int, vanished: int
):
    metrics = measured(([reference, 1.0], [actual, 1.0]))
    assert (metrics.appeared, metrics.vanished) == (appeared, vanished)
    assert metrics.max_abs == (math.inf if appeared or vanished else 0.0)


@given(pair=pairs_of_arrays(FINITE), place=st.integers(0, 10_000), bad=st.sampled_from([np.nan, np.inf]))
@settings(deadline=None)
def test_a_nan_anywhere_is_counted(pair: tuple[Any, Any], place: int, bad: float):
    reference, actual = pair
    actual = actual.copy()
    actual.flat[place % actual.size] = bad
    assert measured((reference, actual)).appeared == 1


@given(pair=pairs_of_arrays(FINITE), exponent=st.integers(-40, 40))
@settings(deadline=None)
def test_relative_figures_do_not_change_with_the_scale(pair: tuple[Any, Any], exponent: int):
    wide = tuple(array.astype(np.float64) for array in pair)
    one, other = measured(wide), measured(tuple(np.ldexp(array, exponent) for array in wide))
    assert other.max_rel_to_scale == pytest.approx(one.max_rel_to_scale, rel=1e-12)
    assert other.rms_rel_to_scale == pytest.approx(one.rms_rel_to_scale, rel=1e-9)
    assert other.sqnr_db == pytest.approx(one.sqnr_db, rel=1e-9, abs=1e-9)
    assert other.cosine == (None if one.cosine is None else pytest.approx(one.cosine, abs=1e-12))


@given(pair=pairs_of_arrays(FINITE))
@settings(deadline=None)
def test_a_difference_is_found_exactly_when_there_is_one(pair: tuple[Any, Any]):
    reference, actual = pair
    metrics = measured(pair)
    assert (metrics.max_abs == 0.0) == bool(np.array_equal(reference, actual))
    assert metrics.mismatches == np.count_nonzero(reference != actual)
    assert (metrics.worst is None) == (metrics.max_abs == 0.0)


def test_squares_neither_overflow_nor_underflow():
    for size in (1e300, 1e-300):
        reference = np.full(4, size)
        metrics = measured((reference, reference * 0.5))
        assert metrics.rms == pytest.approx(size / 2)
        assert metrics.sqnr_db == pytest.approx(20 * math.log10(2))
        assert metrics.cosine == pytest.approx(1.0)


def test_the_difference_of_the_largest_numbers_is_finite():
    metrics = measured(([1.7e308], [-1.7e308]))
    assert metrics.max_abs == np.finfo(np.float64).max


def test_64_bit_integers_are_compared_exactly():
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    metrics = measured((np.array([2**53, low]), np.array([2**53 + 1, high])))
    assert metrics.exact
    assert metrics.mismatches == 2
    assert metrics.max_abs == float(2**64 - 1)
    assert metrics.worst is not None
    assert (metrics.worst.reference, metrics.worst.actual) == (low, high)
    close = measured((np.array([2**53]), np.array([2**53 + 1])))
    assert (close.mismatches, close.max_abs) == (1, 1.0)


def test_booleans_are_compared_exactly():
    metrics = measured((np.array([True, False]), np.array([True, True])))
    assert metrics.exact
    assert (metrics.mismatches, metrics.max_abs) == (1, 1.0)


def test_one_float_call_among_integers_is_not_exact():
    assert not measured((np.array([1]), np.array([1])), (np.array([1.0]), np.array([1.0]))).exact


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,)])
def test_scalars_and_empty_arrays_are_measured(shape: tuple[int, ...]):
    array = np.ones(shape, np.float32)
    metrics = measured((array, array))
    assert (metrics.calls, metrics.elements, metrics.compared) == (1, array.size, array.size)
    assert metrics.max_abs == 0.0


def test_nothing_measured_is_all_zeros_and_no_cosine():
    metrics = OutputMeter().metrics()
    assert (metrics.calls, metrics.compared, metrics.max_abs) == (0, 0, 0.0)
    assert metrics.cosine is None
    assert metrics.top1 is None


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "U3", "O", "datetime64[s]"])
def test_what_is_not_a_real_number_is_refused(dtype: str):
    array = np.zeros(2, dtype)
    with pytest.raises(InputError, match="cannot be compared"):
        OutputMeter().add(array, array)


def test_other_shapes_are_refused_instead_of_broadcast():
    with pytest.raises(InputError, match="shapes differ"):
        OutputMeter().add(np.zeros((2, 3)), np.zeros((1, 3)))


def test_silence_with_noise_has_minus_infinite_sqnr_and_infinite_share():
    metrics = measured(([0.0, 0.0], [0.0, 1e-9]))
    assert metrics.sqnr_db == -math.inf
    assert metrics.max_rel_to_scale == math.inf


def test_half_precision_is_widened_before_subtracting():
    metrics = measured((np.array([60000.0], np.float16), np.array([-60000.0], np.float16)))
    assert metrics.max_abs == 120_000.0  # float16 itself would say infinity


def test_top1_counts_only_rows_that_the_source_decides():
    undecided = [1.0, 1.0 - DECIDED / 2, 0.0]
    metrics = measured(
        ([[1.0, 0.0, 0.5], undecided, [0.0, 1.0, 0.0]], [[0.9, 0.0, 0.5], undecided[::-1], [1.0, 0.0, 0.0]])
    )
    assert (metrics.top1_rows, metrics.top1_agreed) == (2, 1)
    assert metrics.top1 == 0.5


def test_a_row_with_nan_does_not_agree():
    metrics = measured(([[0.0, 1.0]], [[0.0, np.nan]]))
    assert (metrics.top1_rows, metrics.top1_agreed) == (1, 0)


@pytest.mark.parametrize("shape", [(), (4, 1), (1, 3, 4, 4), (2, 0)])
def test_top1_is_left_out_where_there_is_no_choice(shape: tuple[int, ...], rng: np.random.Generator):
    array = np.asarray(rng.standard_normal(shape))
    assert measured((array, array)).top1 is None


def test_changes_from_call_to_call_are_seen():
    moving, still = np.array([1.0, 2.0]), np.array([1.0, 5.0])
    metrics = measured((moving, still), (moving + 3, still))
    assert metrics.reference_changes == 3.0
    assert not metrics.actual_changes


def test_calls_of_different_shapes_are_not_set_side_by_side():
    metrics = measured((np.zeros(2), np.zeros(2)), (np.ones(3), np.ones(3)))
    assert metrics.reference_changes == 0.0
    assert not metrics.actual_changes


def test_ten_thousand_calls_take_no_more_memory_than_ten(rng: np.random.Generator):
    import tracemalloc

    def peak_after(calls: int) -> int:
        meter = OutputMeter()
        array = rng.standard_normal((8, 32)).astype(np.float32)
        tracemalloc.start()
        for _ in range(calls):
            meter.add(array, array)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_after(2_000) < 1.2 * peak_after(20) + 4_096


def test_figures_do_not_depend_on_the_order_of_calls(rng: np.random.Generator):
    calls = [(rng.standard_normal(5) * 10.0**power, rng.standard_normal(5)) for power in range(-3, 4)]
    one, other = measured(*calls), measured(*reversed(calls))
    assert one.max_abs == other.max_abs
    assert one.rms == pytest.approx(other.rms, rel=1e-12)
    assert one.cosine == pytest.approx(other.cosine, rel=1e-9)

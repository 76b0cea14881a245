"""Generated inputs stay within what the example shows the model to take, and are the same for one seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.converters.signature import Dim, Signature, TensorSpec, spec_of
from edgeproof.validators.probes import other_sizes, probes
from edgeproof.validators.samples import hash_calls
from edgeproof.validators.shapes import allows, disagreement

Array = np.ndarray[Any, np.dtype[Any]]


def static(**arrays: Array) -> Signature:
    return Signature(inputs=tuple(spec_of(name, array) for name, array in arrays.items()), outputs=())


def made(seed: int = 0, **arrays: Array) -> list[Any]:
    return probes(static(**arrays), arrays, seed=seed)


def test_one_seed_gives_the_same_probes_and_another_others(rng: np.random.Generator):
    image = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    assert hash_calls(made(3, image=image)) == hash_calls(made(3, image=image))
    assert hash_calls(made(3, image=image)) != hash_calls(made(4, image=image))


def test_probes_differ_from_each_other_and_from_the_example(rng: np.random.Generator):
    image = rng.standard_normal((1, 8)).astype(np.float32)
    calls = [{"image": image}, *made(image=image)]
    assert len({hash_calls([call]) for call in calls}) == len(calls)


def test_noise_has_the_examples_mean_and_spread(rng: np.random.Generator):
    wave = (5 + 2 * rng.standard_normal(10_000)).astype(np.float32)
    for call in made(wave=wave - 5)[:4]:
        assert abs(call["wave"].mean()) < 0.2
        assert call["wave"].std() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-5.0, -1.0), (0.2, 0.9)])
def test_floats_stay_in_a_range_that_looks_like_a_bound(rng: np.random.Generator, low: float, high: float):
    array = rng.uniform(low, high, (4, 100)).astype(np.float32)
    for call in made(x=array):
        assert call["x"].min() >= min(low, 0)
        assert call["x"].max() <= max(high, 0)


def test_zeros_are_tried_only_where_the_range_holds_zero(rng: np.random.Generator):
    def has_zeros(array: Array) -> bool:
        return any(not call["x"].any() for call in made(x=array))

    assert has_zeros(rng.standard_normal((2, 8)))
    assert not has_zeros(rng.uniform(0.5, 1.0, (2, 8)))


def test_large_values_are_tried_only_where_the_range_is_open(rng: np.random.Generator):
    def largest(array: Array) -> float:
        return max(float(np.abs(call["x"]).max()) for call in made(x=array))

    unbounded = rng.standard_normal((10, 100)) * 3
    assert largest(unbounded) > 2 * np.abs(unbounded).max()
    assert largest(rng.uniform(-1, 1, (10, 100))) <= 1.0


def test_integers_keep_their_values_row_by_row(rng: np.random.Generator):
    ids = rng.integers(5, 30_000, (2, 16))
    mask = np.array([[1] * 9 + [0] * 7, [1] * 4 + [0] * 12])
    moved = 0
    for call in made(ids=ids, mask=mask):
        assert np.array_equal(np.sort(call["ids"], axis=1), np.sort(ids, axis=1))
        assert np.array_equal(call["mask"].sum(axis=1), [9, 4])
        assert call["ids"].dtype == ids.dtype
        moved += not np.array_equal(call["ids"], ids)
    assert moved > 0


def test_booleans_stay_booleans(rng: np.random.Generator):
    flags = np.array([True, True, False, False, False])
    for call in made(flags=flags, x=rng.standard_normal(5)):
        assert call["flags"].dtype == bool
        assert call["flags"].sum() == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint8", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (2, 3)])
def test_dtypes_and_shapes_are_the_examples(dtype: str, shape: tuple[int, ...]):
    array = np.ones(shape, dtype)
    for call in made(x=array):
        assert (call["x"].dtype, call["x"].shape) == (array.dtype, array.shape)


def test_an_example_of_zeros_still_gets_noise():
    assert any(call["x"].any() for call in made(x=np.zeros((2, 4), np.float32)))


def test_an_example_that_is_not_finite_is_left_alone():
    array = np.full((2, 2), np.nan, np.float32)
    assert all(np.isnan(call["x"]).all() for call in made(x=array))


TEXT = Signature(
    inputs=(
        TensorSpec(name="ids", dtype="int64", shape=("batch", "length")),
        TensorSpec(name="mask", dtype="int64", shape=("batch", "length")),
        TensorSpec(name="image", dtype="float32", shape=("batch", 3)),
    ),
    outputs=(),
    dims=(Dim(name="batch", min=1, max=8), Dim(name="length", min=4, max=64)),
)


def test_every_dynamic_dimension_is_tried_at_two_sizes_and_more(rng: np.random.Generator):
    example = {
        "ids": rng.integers(0, 100, (2, 8)),
        "mask": np.ones((2, 8), np.int64),
        "image": rng.standard_normal((2, 3)).astype(np.float32),
    }
    calls = probes(TEXT, example, seed=0)
    assert {call["ids"].shape[0] for call in calls} == {1, 2, 4}
    assert {call["ids"].shape[1] for call in calls} == {4, 8, 16}
    assert any(call["ids"].shape == (4, 16) for call in calls), "both at once"
    for call in calls:
        assert all(allows(TEXT, spec, call[spec.name].shape) for spec in TEXT.inputs)
        assert disagreement(TEXT, call) is None
        assert set(np.unique(call["ids"])) <= set(np.unique(example["ids"]))


@pytest.mark.parametrize(
    ("low", "high", "now", "sizes"),
    [
        (1, 8, 2, [1, 4]),
        (1, 8, 8, [1]),
        (2, 3, 2, [3]),
        (1, 100, 1, [2]),
        (1, 3, 2, [1, 3]),
        (1, 10_000, 512, [1, 1024]),
    ],
)
def test_other_sizes_lie_within_the_bounds(low: int, high: int, now: int, sizes: list[int]):
    assert other_sizes(Dim(name="n", min=low, max=high), now) == sizes

"""Generated inputs stay within what the example shows the model to take, and are the same for one seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.converters.signature import Dim, Signature, TensorSpec, allows, spec_of
from edgeproof.validators.probes import Kind, other_sizes, probes
from edgeproof.validators.samples import hash_calls
from edgeproof.validators.shapes import disagreement
from edgeproof.validators.spans import Known

Array = np.ndarray[Any, np.dtype[Any]]


def static(**arrays: Array) -> Signature:
    return Signature(inputs=tuple(spec_of(name, array) for name, array in arrays.items()), outputs=())


def made(seed: int = 0, **arrays: Array) -> list[Any]:
    return [probe.call for probe in probes(static(**arrays), arrays, seed=seed)]


def by_kind(known: Known | None = None, **arrays: Array) -> dict[Kind, list[Any]]:
    found: dict[Kind, list[Any]] = {}
    for probe in probes(static(**arrays), arrays, seed=0, known=known):
        found.setdefault(probe.kind, []).append(probe.call)
    return found


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
    calls = [probe.call for probe in probes(TEXT, example, seed=0)]
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


def test_an_image_gets_every_shape_and_no_more_than_twenty_calls(rng: np.random.Generator):
    found = by_kind(image=rng.standard_normal((1, 3, 8, 8)).astype(np.float32))
    counts = {str(kind): len(calls) for kind, calls in found.items()}
    assert counts == {
        "noise": 4, "channels": 2, "ramp": 3, "impulse": 3, "edges": 1, "zeros": 1, "highest": 1, "lowest": 1, "wide": 1
    }  # fmt: skip
    assert sum(counts.values()) <= 20


def test_every_channel_has_a_value_of_its_own_whichever_axis_they_are(rng: np.random.Generator):
    first, last = by_kind(image=rng.random((2, 3, 40, 5)).astype(np.float32))[Kind.CHANNELS]
    for call, axis in ((first, 1), (last, 3)):
        means = np.moveaxis(call["image"], axis, 0).reshape(call["image"].shape[axis], -1).mean(axis=1)
        assert np.diff(np.sort(means)).min() > 0.05


def test_ramps_rise_along_each_of_the_last_axes(rng: np.random.Generator):
    ramps = by_kind(image=rng.random((1, 4, 60, 8)).astype(np.float32))[Kind.RAMP]
    assert len(ramps) == 3
    for call, axis in zip(ramps, (3, 2, 1), strict=True):
        along = np.moveaxis(call["image"], axis, 0)
        means = along.reshape(len(along), -1).mean(axis=1)
        assert np.polyfit(np.linspace(0, 1, len(means)), means, 1)[0] == pytest.approx(0.5, abs=0.1)


def test_impulses_stand_alone_and_at_places_of_their_own(rng: np.random.Generator):
    calls = by_kind(wave=rng.standard_normal((1, 200)).astype(np.float32))[Kind.IMPULSE]
    assert all(np.count_nonzero(call["wave"]) == 1 for call in calls)
    assert len({int(np.argmax(call["wave"])) for call in calls}) == len(calls) == 3


def test_edges_are_both_ends_of_the_range_and_nothing_else(rng: np.random.Generator):
    image = rng.random((1, 3, 8, 8)).astype(np.float32)
    (call,) = by_kind(image=image)[Kind.EDGES]
    assert set(np.unique(call["image"])) == {image.min(), image.max()}


@pytest.mark.parametrize("kind", [Kind.HIGHEST, Kind.LOWEST, Kind.CHANNELS, Kind.RAMP])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 3.0), (-1.0, 1.0), (0.0, 255.0), (-9.0, 0.0)])
def test_no_mean_is_much_larger_than_the_spread(low: float, high: float, kind: Kind, rng: np.random.Generator):
    """A model that divides by the spread along an axis, or ranks equal values, gives anything for constants."""
    image = rng.uniform(low, high, (1, 16, 16, 16)).astype(np.float32)
    for call in by_kind(image=image).get(kind, []):
        for axis in (1, 2, 3):
            share = np.abs(call["image"].mean(axis=axis)) / call["image"].std(axis=axis)
            assert np.median(share) < 6


def test_real_calls_bound_every_probe(rng: np.random.Generator):
    """An example of random numbers stands in for images from 0 to 255: the images say what is allowed."""
    known = Known(seen={"image": (0.0, 255.0)})
    found = by_kind(known, image=rng.standard_normal((1, 3, 8, 8)).astype(np.float32))
    assert Kind.WIDE not in found
    for calls in found.values():
        for call in calls:
            assert call["image"].min() >= 0.0
            assert call["image"].max() <= 255.0
    assert found[Kind.HIGHEST][0]["image"].min() > 125
    assert all(call["image"].std() > 30 for call in found[Kind.NOISE])


def test_an_input_that_never_changes_in_use_stays_as_it_is(rng: np.random.Generator):
    scale = np.full(1, 2.0, np.float32)
    arrays: dict[str, Array] = {"x": rng.random((1, 8)).astype(np.float32), "scale": scale}
    for calls in by_kind(Known(seen={"scale": (2.0, 2.0)}), **arrays).values():
        assert all(call["scale"] == scale for call in calls)


def test_indices_of_a_known_table_come_from_all_of_it(rng: np.random.Generator):
    mask = np.array([[1] * 9 + [0] * 3])
    ids = rng.integers(5, 9, (1, 12))
    found = by_kind(Known(rows={"ids": (0, 999)}), ids=ids, mask=mask)
    assert {str(kind): len(calls) for kind, calls in found.items()} == {
        "noise": 4, "uniform": 3, "ramp": 1, "edges": 1, "highest": 1
    }  # fmt: skip
    for call in found[Kind.UNIFORM]:
        assert (call["ids"].min(), call["ids"].max()) == (0, 999)
    for calls in found.values():
        for call in calls:
            assert call["ids"].dtype == ids.dtype
            assert call["ids"].min() >= 0
            assert call["ids"].max() <= 999
            assert call["mask"].sum() == 9
    assert all(np.array_equal(np.sort(call["ids"]), np.sort(ids)) for call in found[Kind.NOISE])


@pytest.mark.parametrize(("dtype", "most"), [("int8", 127), ("uint8", 255), ("float32", 9_999)])
def test_indices_fit_their_dtype_and_have_no_fractions(dtype: str, most: int):
    found = by_kind(Known(rows={"ids": (0, 9_999)}), ids=np.arange(6).reshape(1, 6).astype(dtype))
    for calls in found.values():
        for call in calls:
            assert call["ids"].max() <= most
            assert (call["ids"] == np.rint(call["ids"])).all()
    assert found[Kind.HIGHEST][0]["ids"].max() == most


def test_an_image_in_bytes_is_an_image(rng: np.random.Generator):
    found = by_kind(image=rng.integers(0, 256, (1, 8, 8, 3)).astype(np.uint8))
    assert {Kind.RAMP, Kind.CHANNELS, Kind.EDGES, Kind.HIGHEST} <= set(found)


MASKS = {
    "zeros and ones": np.array([[1.0] * 9 + [0.0] * 3], np.float32),
    "zeros and a large number": np.array([[0.0] * 9 + [np.finfo(np.float32).min] * 3], np.float32),
    "zeros and minus infinity": np.array([[0.0] * 9 + [-np.inf] * 3], np.float32),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_in_floats_keeps_its_length(name: str, rng: np.random.Generator):
    mask = MASKS[name]
    for calls in by_kind(x=rng.standard_normal((1, 12)).astype(np.float32), mask=mask).values():
        for call in calls:
            assert np.array_equal(np.sort(call["mask"]), np.sort(mask))


def test_a_large_input_gets_one_call_of_each_shape_before_the_second_of_any(rng: np.random.Generator):
    large = rng.random((1, 3, 1000, 1000), np.float32)
    kinds = [probe.kind for probe in probes(static(x=large), {"x": large}, seed=0)]
    assert len(kinds) == len(set(kinds)) == 6


def test_a_model_with_many_parameters_gets_fewer_calls(rng: np.random.Generator):
    def count(parameters: int) -> int:
        found = by_kind(Known(parameters=parameters), x=rng.standard_normal((1, 3, 8, 8)).astype(np.float32))
        return sum(map(len, found.values()))

    assert count(25_000_000) == 17
    assert count(1_000_000_000) == 6


def test_one_call_less_leaves_the_others_as_they_are(rng: np.random.Generator):
    image = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)

    def hashes(parameters: int) -> set[str]:
        known = Known(parameters=parameters)
        made = probes(static(x=image), {"x": image}, seed=0, known=known)
        return {hash_calls([probe.call]) for probe in made}

    assert hashes(1_000_000_000) < hashes(0)


def test_sizes_are_tried_whatever_a_model_costs(rng: np.random.Generator):
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 4)),),
        outputs=(),
        dims=(Dim(name="batch", min=1, max=8),),
    )
    example = {"x": rng.standard_normal((2, 4)).astype(np.float32)}
    found = probes(signature, example, seed=0, known=Known(parameters=10**10))
    sized = [probe for probe in found if probe.kind is Kind.SIZE]
    assert [probe.call["x"].shape[0] for probe in sized] == [1, 4]

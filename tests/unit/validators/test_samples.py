"""Samples: what a file may hold, how it is cut into calls, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproof.converters.errors import InputError
from edgeproof.converters.signature import Dim, Signature, TensorSpec, allows, shape_text
from edgeproof.validators.samples import collect, hash_calls, read_samples

Array = np.ndarray[Any, np.dtype[Any]]
IMAGE = TensorSpec(name="image", dtype="float32", shape=(2, 3))
IDS = TensorSpec(name="ids", dtype="int64", shape=("batch", "length"))
FIXED = Signature(inputs=(IMAGE,), outputs=())
SCORED = Signature(
    inputs=(IMAGE,),
    outputs=(
        TensorSpec(name="scores", dtype="float32", shape=(1, 4)),
        TensorSpec(name="boxes", dtype="float32", shape=(1, 4)),
    ),
)
DYNAMIC = Signature(
    inputs=(IDS, TensorSpec(name="mask", dtype="bool", shape=("batch", "length"))),
    outputs=(),
    dims=(Dim(name="batch", min=1, max=4), Dim(name="length", min=2, max=16)),
)
EXAMPLE = {"image": np.ones((2, 3), np.float32)}
TEXT_EXAMPLE = {"ids": np.arange(8).reshape(1, 8), "mask": np.ones((1, 8), bool)}


def stored(folder: Path, name: str = "samples.npz", **arrays: Array) -> Path:
    path = folder / name
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def numbered(*shape: int) -> Array:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "calls"), [((2, 3), 1), ((6, 3), 3), ((5, 2, 3), 5), ((1, 2, 3), 1), ((2000, 3), 1000)]
)
def test_an_array_holds_one_call_or_many(tmp_path: Path, shape: tuple[int, ...], calls: int):
    array = numbered(*shape)
    found = read_samples(stored(tmp_path, image=array), FIXED, EXAMPLE)
    assert len(found) == calls
    assert {call["image"].shape for call in found} == {(2, 3)}
    assert np.array_equal(np.concatenate([call["image"] for call in found]), array.reshape(-1, 3))


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (2, 4), (3,), (4, 5, 2, 3), (0, 2, 3), (0, 3), ()])
def test_an_array_of_no_fitting_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]):
    with pytest.raises(InputError) as caught:
        read_samples(stored(tmp_path, image=np.zeros(shape, np.float32)), FIXED, EXAMPLE)
    assert str(list(shape)) in caught.value.message or "no samples" in caught.value.message
    assert caught.value.exit_code == 2


def test_another_size_of_a_dynamic_dimension_is_one_call(tmp_path: Path):
    path = stored(tmp_path, ids=np.zeros((1, 12), np.int64), mask=np.ones((1, 12), bool))
    (call,) = read_samples(path, DYNAMIC, TEXT_EXAMPLE)
    assert call["ids"].shape == (1, 12)


def test_a_size_beyond_its_bounds_is_refused(tmp_path: Path):
    path = stored(tmp_path, ids=np.zeros((1, 17), np.int64), mask=np.ones((1, 17), bool))
    with pytest.raises(InputError, match=r"length=2\.\.16"):
        read_samples(path, DYNAMIC, TEXT_EXAMPLE)


def test_inputs_with_different_numbers_of_calls_are_refused(tmp_path: Path):
    path = stored(tmp_path, ids=np.zeros((6, 8), np.int64), mask=np.ones((3, 8), bool))
    with pytest.raises(InputError, match="different numbers of calls"):
        read_samples(path, DYNAMIC, TEXT_EXAMPLE)


def test_one_dimension_with_two_sizes_is_refused():
    call = {"ids": np.zeros((1, 4), np.int64), "mask": np.ones((1, 5), bool)}
    with pytest.raises(InputError, match="dimension 'length' is 4 in 'ids' and 5 in 'mask'"):
        collect(DYNAMIC, TEXT_EXAMPLE, given=[call])


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path):
    for number in (3, 1, 2):
        stored(tmp_path, f"{number}.npz", image=np.full((2, 3), number, np.float32))
    (tmp_path / "notes.txt").write_text("not a sample")
    assert [call["image"][0, 0] for call in read_samples(tmp_path, FIXED, EXAMPLE)] == [1, 2, 3]


def test_an_npy_serves_a_model_with_one_input(tmp_path: Path):
    np.save(tmp_path / "x.npy", numbered(4, 2, 3))
    assert len(read_samples(tmp_path / "x.npy", FIXED, EXAMPLE)) == 4
    with pytest.raises(InputError, match="one array"):
        read_samples(tmp_path / "x.npy", DYNAMIC, TEXT_EXAMPLE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip"])
@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
def test_a_broken_file_is_refused_in_words(tmp_path: Path, content: bytes, name: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError):
        read_samples(tmp_path / name, FIXED, EXAMPLE)


def test_a_truncated_file_is_refused_in_words(tmp_path: Path):
    whole = stored(tmp_path, image=numbered(50, 2, 3)).read_bytes()
    for tenth in range(10):
        path = tmp_path / f"{tenth}.npz"
        path.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(InputError):
            read_samples(path, FIXED, EXAMPLE)


def test_pickled_objects_are_refused(tmp_path: Path):
    path = tmp_path / "x.npz"
    np.savez(path, image=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError):
        read_samples(path, FIXED, EXAMPLE)


def test_an_empty_folder_and_a_missing_file_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no samples"):
        read_samples(tmp_path, FIXED, EXAMPLE)
    with pytest.raises(InputError, match="does not exist"):
        read_samples(tmp_path / "nothing.npz", FIXED, EXAMPLE)


def test_other_names_are_refused_with_the_right_ones(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        read_samples(stored(tmp_path, picture=numbered(2, 3)), FIXED, EXAMPLE)
    assert "picture" in caught.value.message
    assert "image" in caught.value.fix


@pytest.mark.parametrize("name", ["label", "label_scores", "label_boxes"])
def test_labels_are_left_out_of_the_calls(tmp_path: Path, name: str):
    labels = {name: np.arange(3), "label": np.arange(3)}
    found = read_samples(stored(tmp_path, **labels, image=numbered(3, 2, 3)), SCORED, EXAMPLE)
    assert [set(call) for call in found] == [{"image"}] * 3
    assert np.array_equal(np.stack([call["image"] for call in found]), numbered(3, 2, 3))


def test_labels_of_another_length_do_not_count_as_calls(tmp_path: Path):
    assert len(read_samples(stored(tmp_path, image=numbered(4, 2, 3), label=np.arange(7)), SCORED, EXAMPLE)) == 4


@pytest.mark.parametrize("name", ["labels", "label_other", "label_", "Label", "label_image", "target"])
def test_any_other_extra_array_is_refused_with_the_names_of_labels(tmp_path: Path, name: str):
    extra = {name: np.arange(3)}
    with pytest.raises(InputError) as caught:
        read_samples(stored(tmp_path, **extra, image=numbered(3, 2, 3)), SCORED, EXAMPLE)
    assert repr(name) in caught.value.message
    assert "label, label_scores, label_boxes" in caught.value.fix


@pytest.mark.parametrize("name", ["label", "label_scores"])
def test_an_input_that_is_called_as_labels_are_is_an_input(tmp_path: Path, name: str):
    signature = Signature(inputs=(TensorSpec(name=name, dtype="int64", shape=(1,)), IMAGE), outputs=SCORED.outputs)
    example = {name: np.zeros(1, np.int64), **EXAMPLE}
    both = {name: np.arange(3), "image": numbered(6, 3), "label_boxes": np.arange(3)}
    found = read_samples(stored(tmp_path, **both), signature, example)
    assert [int(call[name][0]) for call in found] == [0, 1, 2]
    assert all(set(call) == {name, "image"} for call in found)
    with pytest.raises(InputError, match="the model takes"):
        read_samples(stored(tmp_path, image=numbered(6, 3)), signature, example)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "complex64"])
def test_a_dtype_that_means_something_else_is_refused(tmp_path: Path, dtype: str):
    with pytest.raises(InputError, match=dtype):
        read_samples(stored(tmp_path, image=np.zeros((2, 3), dtype)), FIXED, EXAMPLE)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_floats_are_taken(tmp_path: Path, dtype: str):
    (call,) = read_samples(stored(tmp_path, image=np.full((2, 3), 0.5, dtype)), FIXED, EXAMPLE)
    assert call["image"].dtype == np.float32
    assert (call["image"] == 0.5).all()


def test_integers_are_taken_if_they_keep_their_values():
    spec = Signature(inputs=(TensorSpec(name="ids", dtype="int8", shape=(2,)),), outputs=())
    example = {"ids": np.zeros(2, np.int8)}
    taken = collect(spec, example, given=[{"ids": np.array([1, 127], np.int64)}])
    assert taken.calls[0]["ids"].dtype == np.int8
    with pytest.raises(InputError, match="int64"):
        collect(spec, example, given=[{"ids": np.array([1, 128], np.int64)}])


def test_the_users_samples_come_first_and_make_the_set_real():
    real = np.full((2, 3), 5, np.float32)
    samples = collect(FIXED, EXAMPLE, given=[{"image": real}])
    assert samples.real
    assert samples.given == 1
    assert np.array_equal(samples.calls[0]["image"], real)
    assert np.array_equal(samples.calls[1]["image"], EXAMPLE["image"])
    assert samples.count > 2
    assert not collect(FIXED, EXAMPLE).real


def test_every_call_says_what_it_is():
    samples = collect(FIXED, EXAMPLE, given=[EXAMPLE, {"image": numbered(2, 3)}])
    assert len(samples.kinds) == samples.count
    assert samples.kinds[:4] == ("sample", "sample", "example", "noise")
    assert "ramp" in samples.kinds


def test_kinds_stay_beside_their_calls_when_some_are_left_out():
    samples = collect(FIXED, EXAMPLE)
    ramp = samples.kinds.index("ramp")
    left = samples.without([2, ramp])
    assert left.count == samples.count - 2
    for kind, call in zip(left.kinds, left.calls, strict=True):
        assert any(
            kind == other and hash_calls([call]) == hash_calls([same])
            for other, same in zip(samples.kinds, samples.calls, strict=True)
        )
    assert samples.refused([2, ramp]).startswith("2 generated inputs (noise, ramp) were left out")


def test_given_calls_bound_the_generated_ones(rng: np.random.Generator):
    example = {"image": rng.standard_normal((2, 3)).astype(np.float32)}
    given = [{"image": rng.uniform(0, 1, (2, 3)).astype(np.float32)} for _ in range(10)]
    samples = collect(FIXED, example, given=given)
    for call in samples.calls[samples.given + 1 :]:
        assert call["image"].min() >= 0
        assert call["image"].max() <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_refused_with_its_place_and_count(bad: float):
    spoilt = np.ones((2, 3), np.float32)
    spoilt[0, 1] = spoilt[1, 1] = bad
    with pytest.raises(InputError, match="sample 1: 'image' is NaN or infinite in 2 of 6 elements"):
        collect(FIXED, EXAMPLE, given=[EXAMPLE, {"image": spoilt}])


def test_infinity_is_taken_where_the_example_has_it():
    mask = {"image": np.array([[0, -np.inf, 0], [0, 0, 0]], np.float32)}
    assert collect(FIXED, mask, given=[mask]).given == 1


def test_a_call_made_of_a_file_is_refused_by_the_files_name():
    with pytest.raises(InputError, match=r"sample 1 \(b.png\): 'image' has shape \[2, 4\]"):
        collect(FIXED, EXAMPLE, given=[EXAMPLE, {"image": np.zeros((2, 4), np.float32)}], names=("a.png", "b.png"))


def test_a_given_call_of_another_shape_is_refused_by_its_number():
    with pytest.raises(InputError, match="sample 1"):
        collect(FIXED, EXAMPLE, given=[EXAMPLE, {"image": np.zeros((2, 4), np.float32)}])


@pytest.mark.parametrize(
    "other",
    [
        {"image": np.ones((2, 3), np.float64)},
        {"image": np.ones((3, 2), np.float32)},
        {"x": np.ones((2, 3), np.float32)},
        {"image": np.full((2, 3), np.nextafter(np.float32(1), np.float32(2)))},
    ],
)
def test_the_hash_covers_names_dtypes_shapes_and_values(other: dict[str, Array]):
    assert hash_calls([other]) != hash_calls([EXAMPLE])


def test_the_hash_tells_calls_apart_and_does_not_see_memory_layout():
    assert hash_calls([EXAMPLE, EXAMPLE]) != hash_calls([EXAMPLE])
    turned = {"image": np.asfortranarray(numbered(2, 3))}
    assert hash_calls([turned]) == hash_calls([{"image": numbered(2, 3)}])


def test_shapes_with_bounds_read_well():
    assert shape_text(DYNAMIC, IDS) == "[batch=1..4, length=2..16]"
    assert allows(DYNAMIC, IDS, (4, 16))
    assert not allows(DYNAMIC, IDS, (5, 16))
    assert not allows(DYNAMIC, IDS, (4,))


@given(calls=st.integers(1, 6), batch=st.integers(1, 3), size=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_splitting_and_stacking_give_back_what_was_stored(
    tmp_path_factory: pytest.TempPathFactory, calls: int, batch: int, size: int
):
    folder = tmp_path_factory.mktemp("samples")
    signature = Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=(batch, size)),), outputs=())
    example = {"x": np.zeros((batch, size), np.float32)}
    stack = numbered(calls, batch, size)
    for number, layout in enumerate((stack, stack.reshape(calls * batch, size))):
        found = read_samples(stored(folder, f"{number}.npz", x=layout), signature, example)
        assert np.array_equal(np.stack([call["x"] for call in found]), stack)

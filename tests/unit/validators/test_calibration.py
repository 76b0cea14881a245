"""Calibration calls: read, judged fit to set scales by, and compared with what parity is judged on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, UsageError
from edgeproof.converters.job import Description
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.calibration import Calibration, collect_calibration, require_calibration
from edgeproof.validators.request import Request
from edgeproof.validators.samples import hash_calls

Array = np.ndarray[Any, np.dtype[Any]]
IMAGE = TensorSpec(name="image", dtype="float32", shape=(2, 3))
IDS = TensorSpec(name="ids", dtype="int64", shape=(1, 4))
SOURCE = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net", factory="net:build")


def request(calibration: str | Path | None, **changes: Any) -> Request:
    made = Request(
        source=SOURCE,
        formats=("onnx",),
        output=Path("out"),
        precisions=(Precision.INT8,),
        calibration=None if calibration is None else str(calibration),
    )
    return replace(made, **changes)


def collected(folder: Path, inputs: Sequence[TensorSpec] = (IMAGE,), **arrays: Array) -> Calibration:
    np.savez(folder / "real.npz", **arrays)  # type: ignore[arg-type]
    found = collect_calibration(request(folder / "real.npz"), description(folder, inputs), folder)
    assert found is not None
    return found


def description(folder: Path, inputs: Sequence[TensorSpec] = (IMAGE,), **changes: Any) -> Description:
    example = {spec.name: np.ones([int(size) for size in spec.shape], spec.dtype) for spec in inputs}
    write_calls(folder / "examples.npz", [example])
    made = Description(
        source=SOURCE,
        signature=Signature(inputs=tuple(inputs), outputs=()),
        examples=str(folder / "examples.npz"),
        samples=None,
        parameters=1,
        made_by={},
    )
    return replace(made, **changes)


def real(count: int, *, scale: float = 1.0) -> Array:
    generator = np.random.default_rng(3)
    return (scale * generator.uniform(-1, 1, (count, 2, 3))).astype(np.float32)


def test_calls_are_written_where_the_quantiser_finds_them(tmp_path: Path) -> None:
    found = collected(tmp_path, image=real(32))
    calls = list(read_calls(Path(found.path)))
    assert found.calls == len(calls) == 32
    assert np.array_equal(np.stack([call["image"] for call in calls]), real(32))
    assert found.notes == ()
    assert found.sha256 == hash_calls(calls)


def test_labels_are_no_inputs_here_either(tmp_path: Path) -> None:
    assert collected(tmp_path, image=real(32), label=np.arange(32)).calls == 32


def test_few_calls_are_taken_with_a_note(tmp_path: Path) -> None:
    assert collected(tmp_path, image=real(15)).notes == (
        "only 15 calibration calls: scales want a few dozen real inputs",
    )
    assert collected(tmp_path, image=real(16)).notes == ()


def test_without_the_option_there_are_none(tmp_path: Path) -> None:
    assert collect_calibration(request(None), description(tmp_path), tmp_path) is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named_with_their_call(wrong: float, tmp_path: Path) -> None:
    images = real(32)
    images[7, 1, 2] = wrong
    with pytest.raises(InputError, match="calibration call 7 has NaN or infinity in 'image'") as caught:
        collected(tmp_path, image=images)
    assert "--calibration" in caught.value.fix


def test_the_same_value_everywhere_sets_no_range(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'image' has the same value everywhere"):
        collected(tmp_path, image=np.full((32, 2, 3), 0.5, np.float32))


def test_one_input_may_be_constant_if_another_is_not(tmp_path: Path) -> None:
    scale = TensorSpec(name="scale", dtype="float32", shape=(1, 1))
    constant = np.ones((32, 1, 1), np.float32)
    assert collected(tmp_path, (IMAGE, scale), image=real(32), scale=constant).calls == 32


def test_inputs_of_integers_alone_are_fine(tmp_path: Path) -> None:
    found = collected(tmp_path, (IDS,), ids=np.ones((32, 1, 4), np.int64))
    assert found.calls == 32
    assert list(found.differs_from([{"ids": np.full((1, 4), 9999)}])) == []


def test_an_empty_folder_holds_no_calls(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no calibration calls"):
        collect_calibration(request(tmp_path / "none"), description(tmp_path), tmp_path)


def test_a_function_that_gives_nothing_is_refused_too(tmp_path: Path) -> None:
    write_calls(tmp_path / "given.npz", [])
    given = description(tmp_path, calibration=str(tmp_path / "given.npz"))
    with pytest.raises(InputError, match="no calibration calls"):
        collect_calibration(request("real.py:calls"), given, tmp_path)


def test_calls_of_a_function_are_taken(tmp_path: Path) -> None:
    write_calls(tmp_path / "given.npz", [{"image": image} for image in real(20)])
    given = description(tmp_path, calibration=str(tmp_path / "given.npz"))
    found = collect_calibration(request("real.py:calls"), given, tmp_path)
    assert found is not None
    assert found.calls == 20


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": np.zeros((32, 2, 4), np.float32)}, r"\[32, 2, 4\]"),
        ({"image": np.zeros((32, 3, 2), np.float32)}, r"\[32, 3, 2\]"),
        ({"image": np.zeros((32, 2, 3), np.uint8)}, "uint8"),
        ({"picture": np.zeros((32, 2, 3), np.float32)}, "picture"),
        ({"image": np.zeros((0, 2, 3), np.float32)}, "neither one call"),
    ],
    ids=["shape", "layout", "dtype", "name", "empty"],
)
def test_another_signature_is_refused(arrays: dict[str, Array], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        collected(tmp_path, **arrays)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_what_cannot_be_read_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "real.npz").write_bytes(content)
    with pytest.raises(InputError):
        collect_calibration(request(tmp_path / "real.npz"), description(tmp_path), tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        collect_calibration(request(tmp_path / "gone.npz"), description(tmp_path), tmp_path)


def test_samples_far_outside_of_the_range_are_told(tmp_path: Path) -> None:
    found = collected(tmp_path, image=real(32))
    (said,) = found.differs_from([{"image": image} for image in 255 * real(4)])
    assert "'image'" in said
    assert "clipped" in said
    assert list(found.differs_from([{"image": image} for image in real(4, scale=1.5)])) == []
    assert list(found.differs_from([])) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_either_side_of_the_range_counts(sign: int, tmp_path: Path) -> None:
    found = collected(tmp_path, image=real(32))
    assert list(found.differs_from([{"image": np.full((2, 3), sign * 9, np.float32)}]))


def test_memory_does_not_grow_with_the_calls(tmp_path: Path) -> None:
    image = TensorSpec(name="image", dtype="float32", shape=(64, 64))
    peaks: list[int] = []
    for count in (8, 256):
        folder = tmp_path / str(count)
        folder.mkdir()
        generator = np.random.default_rng(3)
        np.savez(folder / "real.npz", image=generator.standard_normal((count, 64, 64)).astype(np.float32))
        given = description(folder, (image,))
        tracemalloc.start()
        collect_calibration(request(folder / "real.npz"), given, folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000  # 256 calls are 4 MB


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_FULL, Precision.INT16X8])
def test_fixed_ranges_ask_for_calibration_or_a_recipe(precision: Precision) -> None:
    with pytest.raises(UsageError, match=f"{precision} fixes the range") as caught:
        require_calibration(request(None, precisions=(Precision.FP32, precision)))
    assert "int8-dynamic" in caught.value.fix
    require_calibration(request("real.npz", precisions=(precision,)))
    require_calibration(request(None, precisions=(precision,), recipe="net.int8.recipe.json"))


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_other_precisions_do_without(precision: Precision) -> None:
    require_calibration(request(None, precisions=(precision,)))


def test_a_budget_wants_calls_to_be_held_against() -> None:
    with pytest.raises(UsageError, match="--max-drop") as caught:
        require_calibration(request(None, precisions=(Precision.INT8_DYNAMIC,), budget="1%"))
    assert "--calibration" in caught.value.fix
    require_calibration(request("real.npz", precisions=(Precision.INT8_DYNAMIC,), budget="1%"))
    require_calibration(request(None, precisions=(Precision.FP32, Precision.FP16), budget="1%"))

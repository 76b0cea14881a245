"""The file of calls: what is written comes back, in order, one call at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from edgeproof.converters.tensors import read_calls, write_calls


def test_calls_come_back_as_they_were(tmp_path: Path, rng: np.random.Generator):
    calls = [
        {"z": rng.standard_normal((2, 3)), "a/b": np.array(7, np.int8)},
        {"z": np.zeros((0, 3), np.float16), "a/b": np.array([True])},
        {"z": np.asfortranarray(rng.standard_normal((4, 2))), "a/b": np.array([1 + 2j])},
    ]
    assert write_calls(tmp_path / "c.npz", calls) == 3
    found = list(read_calls(tmp_path / "c.npz"))
    assert [list(call) for call in found] == [["z", "a/b"]] * 3
    for call, back in zip(calls, found, strict=True):
        for name, array in call.items():
            assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
            assert np.array_equal(back[name], array)


def test_the_same_calls_give_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        write_calls(tmp_path / name, [{"x": np.arange(5)}])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_calls_are_no_calls(tmp_path: Path):
    assert write_calls(tmp_path / "c.npz", []) == 0
    assert list(read_calls(tmp_path / "c.npz")) == []


def test_order_holds_beyond_a_hundred_thousand_calls(tmp_path: Path):
    path = tmp_path / "c.npz"
    write_calls(path, [{"x": np.array(0)}])
    with ZipFile(path) as archive:
        member = archive.read("00000/x.npy")
    with ZipFile(tmp_path / "many.npz", "w") as archive:
        for index in (100_000, 99_999, 3):
            archive.writestr(f"{index:05d}/x.npy", member[:-8] + np.int64(index).tobytes())
    assert [int(call["x"]) for call in read_calls(tmp_path / "many.npz")] == [3, 99_999, 100_000]


def test_memory_holds_one_call_at_a_time(tmp_path: Path):
    size = 1_000_000

    def calls() -> Iterator[dict[str, np.ndarray]]:
        for value in range(20):
            yield {"x": np.full(size // 8, value, np.float64)}

    tracemalloc.start()
    write_calls(tmp_path / "c.npz", calls())
    total = sum(call["x"][0] for call in read_calls(tmp_path / "c.npz"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == sum(range(20))
    assert peak < 5 * size


def test_objects_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="Object arrays"):
        write_calls(tmp_path / "c.npz", [{"x": np.array([{}], dtype=object)}])


def test_a_file_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    def calls() -> Iterator[dict[str, np.ndarray]]:
        yield {"x": np.zeros(3)}
        raise RuntimeError("the model broke")

    path = tmp_path / "calls.npz"
    write_calls(path, [{"x": np.ones(2)}])
    with pytest.raises(RuntimeError):
        write_calls(path, calls())
    assert [call["x"].tolist() for call in read_calls(path)] == [[1.0, 1.0]]
    assert [file.name for file in tmp_path.iterdir()] == ["calls.npz"]

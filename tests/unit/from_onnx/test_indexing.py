"""Reading from and writing to places agrees with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_graphs import assert_same, floats, integers, numbers, one_node

_DATA = floats(4, 5, 6)
_FAR = np.iinfo(np.int64).max


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((1,), (3,), None, None),
        ((1, 0), (3, 2), (0, 2), None),
        ((-2,), (_FAR,), (1,), None),
        ((0, 1), (-1, _FAR), (-1, -2), (2, 3)),
        ((-1,), (-_FAR,), (0,), (-1,)),
        ((4,), (0,), (1,), (-2,)),
        ((9,), (1,), (2,), (-1,)),
        ((3,), (1,), (0,), (1,)),
        ((-100,), (100,), (0,), (1,)),
    ],
)
def test_slice_agrees(starts: Any, ends: Any, axes: Any, steps: Any):
    given = [_DATA, numbers(*starts), numbers(*ends)]
    given.append(numbers(*(range(len(starts)) if axes is None else axes)))
    given.append(numbers(*([1] * len(starts) if steps is None else steps)))
    assert_same(*one_node("Slice", given, weights=".wwww"))
    assert_same(*one_node("Slice", [integers(0, 9, 4, 5, 6), *given[1:]], weights="wwwww"), exported=False)


def test_slice_takes_attributes_before_opset_10():
    assert_same(*one_node("Slice", [_DATA], opset=9, starts=[1, -2], ends=[3, 100], axes=[0, 2]))


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 7),
    start=st.integers(-9, 9),
    end=st.integers(-9, 9),
    step=st.integers(-3, 3).filter(lambda number: number != 0),
)
def test_any_slice_agrees(size: int, start: int, end: int, step: int):
    given = [floats(size), numbers(start), numbers(end), numbers(0), numbers(step)]
    assert_same(*one_node("Slice", given, weights=".wwww"), exported=False)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(
    "places", [np.int64(1), np.int64(-1), numbers(0, 2, 1), numbers(1, 2, 3), numbers([[0, -1], [2, 1]])]
)
@pytest.mark.parametrize("stored", ["", ".w"])
def test_gather_agrees(axis: int, places: np.ndarray, stored: str):
    assert_same(*one_node("Gather", [_DATA, np.asarray(places)], weights=stored, axis=axis), exported=axis == 1)


@pytest.mark.parametrize("axis", [0, 1, -2])
def test_gather_elements_agrees(axis: int):
    assert_same(*one_node("GatherElements", [_DATA, integers(-4, 4, 4, 3, 6)[:4, :3]], axis=axis))


@pytest.mark.parametrize(
    ("places", "batch"), [((3, 1), 0), ((2, 3, 2), 0), ((2, 3), 0), ((4, 2, 1), 1), ((4, 5, 1), 2), ((4, 1), 1)]
)
def test_gather_nd_agrees(places: tuple[int, ...], batch: int):
    assert_same(*one_node("GatherND", [_DATA, integers(-4, 4, *places)], batch_dims=batch))


@pytest.mark.parametrize(("reduction", "opset"), [("none", 16), ("add", 16), ("mul", 16), ("max", 18), ("min", 18)])
def test_scatter_nd_agrees(reduction: str, opset: int):
    rows = numbers([[3], [-3], [0]]) if reduction == "none" else numbers([[3], [1], [-1]])
    assert_same(*one_node("ScatterND", [_DATA, rows, floats(3, 5, 6, seed=1)], opset=opset, reduction=reduction))
    pairs = numbers([[3, 0], [-3, 4], [0, -1]])
    assert_same(*one_node("ScatterND", [_DATA, pairs, floats(3, 6, seed=1)], opset=opset, reduction=reduction))


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize(("reduction", "opset"), [("none", 16), ("add", 16), ("mul", 16), ("max", 18), ("min", 18)])
def test_scatter_elements_agrees(axis: int, reduction: str, opset: int):
    places = numbers([[0, 1, 2], [-1, 0, 1]])
    attributes = {"axis": axis, "reduction": reduction}
    assert_same(*one_node("ScatterElements", [floats(4, 4), places, floats(2, 3)], opset=opset, **attributes))


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32])
def test_one_hot_agrees(axis: int, dtype: Any):
    places = np.array([[0, 3, -1], [5, 2, -9]], dtype=dtype)
    given = [places, dtype(4), np.array([0.5, 2], np.float32)]
    assert_same(*one_node("OneHot", given, weights=".ww", axis=axis))


@pytest.mark.parametrize("stored", ["", ".w"])
@pytest.mark.parametrize(
    ("time", "batch", "lengths"), [(0, 1, (4, 1, 2, 3, 4)), (1, 0, (5, 1, 3, 2)), (1, 0, (5, 5, 5, 5))]
)
def test_reverse_sequence_agrees(time: int, batch: int, lengths: tuple[int, ...], stored: str):
    given = [_DATA, numbers(*lengths)]
    assert_same(*one_node("ReverseSequence", given, weights=stored, time_axis=time, batch_axis=batch))


@pytest.mark.parametrize("attributes", [{"axis": 0}, {"axis": -1}, {}])
def test_compress_agrees(attributes: dict[str, int]):
    chosen = np.array([True, False, True, True])
    assert_same(*one_node("Compress", [_DATA, chosen], weights=".w", **attributes), exported=False)


def test_nonzero_agrees():
    assert_same(*one_node("NonZero", [floats(3, 4) > 0]), exported=False)

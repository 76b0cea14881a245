"""Reductions agree with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_graphs import assert_same, floats, integers, numbers, one_node, positive

_NAMES = (
    "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare"
)
_DATA = positive(2, 3, 4)


@pytest.mark.parametrize("name", _NAMES.split())
@pytest.mark.parametrize("axes", [(1,), (0, -1), None])
@pytest.mark.parametrize("keep", [0, 1])
def test_reductions_take_axes_as_an_input_or_as_an_attribute(name: str, axes: tuple[int, ...] | None, keep: int):
    given = [_DATA] if axes is None else [_DATA, numbers(*axes)]
    assert_same(*one_node(name, given, weights=".w", opset=18, keepdims=keep), exported=keep == 1 and axes == (1,))
    attributes = {} if axes is None else {"axes": list(axes)}
    assert_same(*one_node(name, [_DATA], opset=12, keepdims=keep, **attributes), exported=False)


@pytest.mark.parametrize("empty", [0, 1])
def test_no_axes_mean_all_or_none(empty: int):
    assert_same(*one_node("ReduceSum", [_DATA, numbers()], weights=".w", noop_with_empty_axes=empty), exported=False)
    assert_same(*one_node("ReduceSum", [_DATA], noop_with_empty_axes=empty), exported=False)


@pytest.mark.parametrize("name", ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"])
def test_integers_are_reduced_as_integers(name: str):
    assert_same(*one_node(name, [integers(-5, 9, 3, 4, dtype=np.int32), numbers(1)], weights=".w", opset=18))


@pytest.mark.parametrize("name", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize(("axis", "keep"), [(0, 1), (1, 0), (-1, 1)])
def test_the_first_or_the_last_of_equal_elements_is_found(name: str, last: int, axis: int, keep: int):
    array = integers(0, 3, 4, 5, 6).astype(np.float32)
    assert_same(*one_node(name, [array], axis=axis, keepdims=keep, select_last_index=last))


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("axis", [0, -1])
def test_running_sums_agree(exclusive: int, reverse: int, axis: int):
    given = [floats(3, 4), np.int64(axis)]
    assert_same(*one_node("CumSum", given, weights=".w", exclusive=exclusive, reverse=reverse))


@pytest.mark.parametrize("attributes", [{}, {"axis": 0}, {"largest": 0}, {"axis": 1, "largest": 0}])
def test_the_largest_elements_come_in_order_and_equals_by_place(attributes: dict[str, Any]):
    array = integers(0, 4, 4, 6).astype(np.float32)
    assert_same(*one_node("TopK", [array, numbers(3)], weights=".w", outputs=2, **attributes))
    assert_same(*one_node("TopK", [integers(0, 4, 6, 4), numbers(4)], weights=".w", outputs=2, **attributes))


def test_the_largest_elements_of_a_long_axis_agree():
    array = integers(0, 99, 2, 700).astype(np.float32)
    assert_same(*one_node("TopK", [array, numbers(9)], weights=".w", outputs=2))

"""Operators about shapes agree with ONNX Runtime, and leave no arithmetic on static shapes in the program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx_graphs import TensorProto, as_tensors, assert_same, floats, helper, integers, model_of, numbers, one_node

_DATA = floats(2, 3, 4)


@pytest.mark.parametrize(
    ("target", "attributes"),
    [((6, 4), {}), ((-1,), {}), ((0, -1), {}), ((0, 0, 2, 2), {}), ((-1, 2, 0), {}), ((2, 1, 3, 1, 4), {})],
)
def test_reshape_agrees(target: tuple[int, ...], attributes: dict[str, Any]):
    assert_same(*one_node("Reshape", [_DATA, numbers(*target)], weights=".w", **attributes))


def test_reshape_takes_zero_at_its_word_with_allowzero():
    assert_same(*one_node("Reshape", [np.zeros((0, 3), np.float32), numbers(3, 0)], weights=".w", allowzero=1))


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_flatten_agrees(axis: int):
    assert_same(*one_node("Flatten", [_DATA], axis=axis))


@pytest.mark.parametrize("axes", [(1,), (1, -1), None])
def test_squeeze_takes_axes_as_an_input_or_as_an_attribute(axes: tuple[int, ...] | None):
    array = floats(2, 1, 3, 1)
    given = [array] if axes is None else [array, numbers(*axes)]
    assert_same(*one_node("Squeeze", given, weights=".w"))
    assert_same(*one_node("Squeeze", [array], opset=12, **({} if axes is None else {"axes": list(axes)})))


@pytest.mark.parametrize("axes", [(0,), (-1,), (0, 2), (3, 1), (-1, 0)])
def test_unsqueeze_takes_axes_as_an_input_or_as_an_attribute(axes: tuple[int, ...]):
    assert_same(*one_node("Unsqueeze", [_DATA, numbers(*axes)], weights=".w"))
    assert_same(*one_node("Unsqueeze", [_DATA], opset=12, axes=list(axes)))


@pytest.mark.parametrize("attributes", [{}, {"perm": [1, 2, 0]}, {"perm": [0, 2, 1]}])
def test_transpose_agrees(attributes: dict[str, Any]):
    assert_same(*one_node("Transpose", [_DATA], **attributes))


@pytest.mark.parametrize("target", [(2, 3, 4), (5, 2, 3, 4), (1, 1), (3, 1), (4,)])
def test_expand_broadcasts_both_ways(target: tuple[int, ...]):
    assert_same(*one_node("Expand", [_DATA, numbers(*target)], weights=".w"))


@pytest.mark.parametrize("repeats", [(1, 2, 1), (2, 1, 3), (1, 1, 1)])
def test_tile_agrees(repeats: tuple[int, ...]):
    assert_same(*one_node("Tile", [_DATA, numbers(*repeats)], weights=".w"))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat_agrees(axis: int):
    assert_same(*one_node("Concat", [_DATA, floats(2, 3, 4, seed=1), _DATA], axis=axis))


@pytest.mark.parametrize(
    ("outputs", "sizes", "opset", "attributes"),
    [
        (2, None, 17, {"axis": -1}),
        (3, None, 17, {"axis": 1}),
        (2, (1, 3), 17, {"axis": 2}),
        (2, None, 12, {"axis": 1, "split": [1, 2]}),
        (3, None, 18, {"axis": 2, "num_outputs": 3}),
        (2, (2, 1), 18, {"axis": 1}),
    ],
)
def test_split_agrees(outputs: int, sizes: tuple[int, ...] | None, opset: int, attributes: dict[str, Any]):
    given = [_DATA] if sizes is None else [_DATA, numbers(*sizes)]
    assert_same(*one_node("Split", given, weights=".w", outputs=outputs, opset=opset, **attributes))


@pytest.mark.parametrize("attributes", [{}, {"start": 1}, {"end": -1}, {"start": -2, "end": 3}])
def test_shape_agrees(attributes: dict[str, int]):
    assert_same(*one_node("Shape", [_DATA], **attributes))


def test_size_agrees():
    assert_same(*one_node("Size", [_DATA]))


@pytest.mark.parametrize(
    "value",
    [None, np.array([3], np.int64), np.array([1.5], np.float32), np.array([True])],
    ids=str,
)
@pytest.mark.parametrize("target", [(2, 3), (), (400,)])
def test_constant_of_shape_agrees(value: np.ndarray | None, target: tuple[int, ...]):
    filling = (
        {}
        if value is None
        else {"value": helper.make_tensor("v", helper.np_dtype_to_tensor_dtype(value.dtype), [1], value)}
    )
    model, inputs = one_node("ConstantOfShape", [numbers(*target)], weights="w", **filling)
    assert_same(model, inputs, exported=False)


@pytest.mark.parametrize(("start", "limit", "step"), [(0, 5, 1), (5, 0, -2), (1, 1, 1), (0, 700, 1)])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32])
def test_range_agrees(start: int, limit: int, step: int, dtype: Any):
    assert_same(*one_node("Range", [dtype(start), dtype(limit), dtype(step)], weights="www"), exported=False)


@pytest.mark.parametrize("attributes", [{}, {"k": 1}, {"k": -1, "dtype": TensorProto.FLOAT}])
def test_identity_matrix_agrees(attributes: dict[str, int]):
    assert_same(*one_node("EyeLike", [integers(0, 2, 3, 4)], **attributes))


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("offset", [None, 1, -1])
def test_triangle_agrees(upper: int, offset: int | None):
    given = [floats(2, 4, 3)] if offset is None else [floats(2, 4, 3), np.int64(offset)]
    assert_same(*one_node("Trilu", given, weights=".w", upper=upper))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_agrees(mode: str):
    assert_same(*one_node("DepthToSpace", [floats(2, 12, 3, 2)], blocksize=2, mode=mode))


def test_space_to_depth_agrees():
    assert_same(*one_node("SpaceToDepth", [floats(2, 3, 4, 6)], blocksize=2))


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 0, 1, 2, 0, 0, 3, 1), (1, 0, 0, 2, 1, 1, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0)])
def test_pad_agrees(mode: str, pads: tuple[int, ...]):
    given = [floats(2, 3, 5, 4), numbers(*pads)]
    assert_same(*one_node("Pad", given, weights=".w", opset=19, mode=mode), exported=pads[0] == 1)


def test_pad_takes_a_constant_axes_and_negative_amounts():
    data = floats(2, 3, 5, 4)
    assert_same(*one_node("Pad", [data, numbers(0, 0, 1, -1, 0, 0, -2, 1), np.float32(7)], weights=".ww"))
    assert_same(*one_node("Pad", [data, numbers(1, 2, 0, 1), np.float32(-1), numbers(1, -1)], weights=".www", opset=18))
    assert_same(
        *one_node("Pad", [data, numbers(1, 2, 0, 1), None, numbers(2, 3)], weights=".w.w", opset=18, mode="reflect")
    )
    assert_same(*one_node("Pad", [data > 0, numbers(0, 0, 1, 0, 0, 0, 0, 1)], weights=".w"))
    assert_same(*one_node("Pad", [data], opset=10, pads=[0, 0, 1, 1, 0, 0, 0, 2], value=0.5))


def test_shape_arithmetic_leaves_nothing_in_the_program():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Gather", ["shape", "last"], ["width"], axis=0),
        helper.make_node("Mul", ["width", "two"], ["twice"]),
        helper.make_node("Unsqueeze", ["twice", "zero"], ["tail"]),
        helper.make_node("Concat", ["batch", "minus", "tail"], ["target"], axis=0),
        helper.make_node("Cast", ["target"], ["small"], to=TensorProto.INT32),
        helper.make_node("Cast", ["small"], ["again"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["x", "again"], ["y"]),
    ]
    weights = {"zero": numbers(0), "one": numbers(1), "two": np.int64(2), "minus": numbers(-1), "last": np.int64(-1)}
    model = model_of(nodes, {"x": floats(2, 6, 4)}, ["y"], weights)
    program = torch.export.export(assert_same(model, [floats(2, 6, 4)]), as_tensors([floats(2, 6, 4)]))
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    assert [node.target for node in calls] == [torch.ops.aten.reshape.default]
    assert calls[0].args[1] == [2, -1, 8]
    assert not program.state_dict

"""Pooling agrees with ONNX Runtime for every kind of padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_graphs import as_tensors, assert_same, floats, integers, one_node

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_onnx.module import module_from_onnx

_CASES: list[dict[str, Any]] = [
    {"kernel_shape": [2, 2]},
    {"kernel_shape": [3, 2], "strides": [2, 2]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0]},
    {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [2, 2], "strides": [3, 3], "auto_pad": "VALID"},
]
_DATA = floats(2, 3, 9, 8)


@pytest.mark.parametrize("attributes", _CASES)
def test_max_pool_agrees(attributes: dict[str, Any]):
    assert_same(*one_node("MaxPool", [_DATA - np.float32(5)], **attributes))


@pytest.mark.parametrize("attributes", [*_CASES, {"kernel_shape": [3, 3], "dilations": [2, 2]}])
def test_max_pool_says_where_the_maxima_are(attributes: dict[str, Any]):
    assert_same(*one_node("MaxPool", [_DATA - np.float32(5)], outputs=2, **attributes), exported=False)


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("attributes", _CASES)
def test_average_pool_agrees(attributes: dict[str, Any], counted: int):
    assert_same(
        *one_node("AveragePool", [_DATA], opset=19, count_include_pad=counted, **attributes), exported=not counted
    )


@pytest.mark.parametrize("name", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("rank", [1, 3])
def test_pools_agree_in_one_and_three_dimensions(name: str, rank: int):
    attributes = {"kernel_shape": [3] * rank, "strides": [2] * rank, "auto_pad": "SAME_UPPER"}
    assert_same(*one_node(name, [floats(1, 2, *[6] * rank)], **attributes))


def test_max_pool_takes_bytes():
    array = integers(0, 255, 1, 1, 5, 5, dtype=np.uint8)
    assert_same(*one_node("MaxPool", [array], kernel_shape=[2, 2], auto_pad="SAME_UPPER"), exported=False)


@pytest.mark.parametrize("name", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pools_over_everything_agree(name: str, rank: int):
    assert_same(*one_node(name, [floats(2, 3, *[5] * rank)]))


def test_a_dilated_average_pool_is_refused_in_words():
    model, inputs = one_node("AveragePool", [_DATA], opset=19, kernel_shape=[2, 2], dilations=[2, 2])
    with pytest.raises(ConversionError, match="dilations") as caught:
        module_from_onnx(model)(*as_tensors(inputs))
    assert "depthwise" in caught.value.fix

"""Convolution agrees with ONNX Runtime for every kind of padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_graphs import as_tensors, assert_equal_outputs, assert_same, by_onnxruntime, floats, one_node

from edgeproof.converters.from_onnx.module import module_from_onnx

_CASES: list[dict[str, Any]] = [
    {},
    {"strides": [2, 1]},
    {"dilations": [2, 1]},
    {"pads": [1, 1, 1, 1]},
    {"pads": [0, 1, 2, 0], "strides": [2, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 3]},
    {"auto_pad": "VALID"},
]


@pytest.mark.parametrize("attributes", _CASES)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_conv_agrees_in_two_dimensions(attributes: dict[str, Any], kernel: tuple[int, int]):
    arrays = [floats(2, 4, 9, 8), floats(6, 4, *kernel, seed=1), floats(6, seed=2)]
    assert_same(*one_node("Conv", arrays, weights=".ww", **attributes), exported=kernel == (3, 3))


@pytest.mark.parametrize("group", [2, 4])
def test_conv_agrees_in_groups(group: int):
    assert_same(*one_node("Conv", [floats(1, 4, 7, 7), floats(8, 4 // group, 3, 3)], weights=".w", group=group))


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_conv_agrees_in_one_and_three_dimensions(rank: int, mode: str):
    arrays = [floats(1, 2, *[6] * rank), floats(3, 2, *[3] * rank, seed=1), floats(3, seed=2)]
    extra = {"pads": [1, 0, 2][:rank] + [0, 2, 1][:rank]} if mode == "NOTSET" else {}
    assert_same(*one_node("Conv", arrays, weights=".ww", auto_pad=mode, strides=[2] * rank, **extra))


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(5, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    mode=st.sampled_from(["SAME_UPPER", "SAME_LOWER"]),
)
def test_same_padding_is_that_of_onnxruntime(size: int, kernel: int, stride: int, mode: str):
    arrays = [floats(1, 1, size), floats(1, 1, kernel, seed=1)]
    assert_same(*one_node("Conv", arrays, weights=".w", auto_pad=mode, strides=[stride]), exported=False)


@pytest.mark.parametrize(("mode", "pads"), [("SAME_UPPER", [1, 2]), ("SAME_LOWER", [2, 1])])
def test_same_padding_knows_dilation(mode: str, pads: list[int]):
    # ONNX Runtime refuses auto_pad with dilations, so the padding is said here: 2 * (2 - 1) + 3 - 2 = 3 in all.
    arrays, shape = [floats(1, 1, 10), floats(1, 1, 3, seed=1)], {"dilations": [2], "strides": [2]}
    automatic, inputs = one_node("Conv", arrays, weights=".w", auto_pad=mode, **shape)
    explicit, _ = one_node("Conv", arrays, weights=".w", pads=pads, **shape)
    assert_equal_outputs(module_from_onnx(automatic)(*as_tensors(inputs)), by_onnxruntime(explicit, inputs))


def test_even_padding_needs_no_step_of_its_own():
    model, inputs = one_node("Conv", [floats(1, 1, 8, 8), floats(1, 1, 3, 3)], weights=".w", auto_pad="SAME_UPPER")
    program = torch.export.export(assert_same(model, inputs), as_tensors(inputs))
    assert not [node for node in program.graph.nodes if "pad" in str(node.target)]


_TRANSPOSED: list[dict[str, Any]] = [
    {},
    {"strides": [2, 2]},
    {"strides": [2, 3], "pads": [1, 1, 1, 1]},
    {"strides": [2, 2], "pads": [0, 1, 1, 0]},
    {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    {"strides": [2, 2], "pads": [0, 0, 1, 1], "output_padding": [1, 0]},
    {"dilations": [2, 1]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"strides": [2, 2], "output_shape": [10, 8]},
    {"strides": [2, 2], "output_shape": [9, 9], "auto_pad": "SAME_UPPER"},
    {"strides": [3, 3], "output_padding": [2, 1]},
]


@pytest.mark.parametrize("attributes", _TRANSPOSED)
def test_transposed_conv_agrees(attributes: dict[str, Any]):
    arrays = [floats(2, 4, 5, 4), floats(4, 3, 3, 3, seed=1), floats(3, seed=2)]
    assert_same(*one_node("ConvTranspose", arrays, weights=".ww", **attributes))


@pytest.mark.parametrize("rank", [1, 3])
def test_transposed_conv_agrees_in_one_and_three_dimensions(rank: int):
    arrays = [floats(1, 4, *[4] * rank), floats(4, 1, *[3] * rank, seed=1), floats(2, seed=2)]
    pads = [0] * rank + [1] * rank
    assert_same(*one_node("ConvTranspose", arrays, weights=".ww", group=2, strides=[2] * rank, pads=pads))


def test_float64_stays_float64():
    arrays = [floats(1, 1, 5, 5).astype(np.float64), floats(1, 1, 3, 3).astype(np.float64)]
    module = assert_same(*one_node("MatMul", [arrays[0][0, 0], arrays[1][0, 0].repeat(2, 0)[:5]], weights=".w"))
    assert next(module.parameters()).dtype == torch.float64

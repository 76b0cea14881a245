"""Matrix products and the softmax family agree with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx_graphs import as_tensors, assert_same, floats, one_node


@pytest.mark.parametrize(
    ("one", "other"), [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (4, 3)), ((3, 4), (4,))]
)
@pytest.mark.parametrize("stored", ["", ".w"])
def test_matmul_agrees(one: tuple[int, ...], other: tuple[int, ...], stored: str):
    assert_same(*one_node("MatMul", [floats(*one), floats(*other, seed=1)], weights=stored))


@pytest.mark.parametrize("bias", [None, (5,), (1, 5), (3, 1), (1,), (3, 5)])
@pytest.mark.parametrize("factors", [{}, {"alpha": 0.5, "beta": 2.0}])
@pytest.mark.parametrize("stored", ["", ".ww"])
def test_gemm_agrees(bias: tuple[int, ...] | None, factors: dict[str, float], stored: str):
    arrays = [floats(3, 4), floats(4, 5, seed=1)] + ([] if bias is None else [floats(*bias, seed=2)])
    assert_same(*one_node("Gemm", arrays, weights=stored[: len(arrays)], **factors), exported=False)


@pytest.mark.parametrize(("trans_a", "trans_b"), [(1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("stored", ["", ".ww"])
def test_gemm_takes_transposed_matrices(trans_a: int, trans_b: int, stored: str):
    arrays = [floats(4, 3) if trans_a else floats(3, 4), floats(5, 4) if trans_b else floats(4, 5), floats(5, seed=2)]
    assert_same(*one_node("Gemm", arrays, weights=stored, transA=trans_a, transB=trans_b), exported=False)


def test_a_product_with_a_stored_matrix_is_a_linear_layer_of_torch():
    model, inputs = one_node("MatMul", [floats(2, 3, 4), floats(4, 5)], weights=".w")
    module = assert_same(model, inputs)
    program = torch.export.export(module, as_tensors(inputs))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls == [torch.ops.aten.linear.default]


@pytest.mark.parametrize("equation", ["bij,bjk->bik", "bij, bkj -> bik", "...ij->...ji", "bii->bi", "bij,bij"])
def test_einsum_agrees(equation: str):
    count = equation.split("->", maxsplit=1)[0].count(",") + 1
    assert_same(*one_node("Einsum", [floats(2, 3, 3, seed=place) for place in range(count)], equation=equation))


def test_determinant_agrees():
    assert_same(*one_node("Det", [floats(2, 3, 3)]))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("attributes", [{}, {"axis": 0}, {"axis": 1}, {"axis": 2}, {"axis": -1}, {"axis": -2}])
def test_softmax_takes_one_axis_since_opset_13_and_the_rest_before(name: str, opset: int, attributes: dict[str, Any]):
    array = floats(2, 3, 4) * np.float32(3)
    assert_same(*one_node(name, [array], opset=opset, **attributes), exported=attributes == {})

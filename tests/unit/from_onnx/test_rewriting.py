"""The passes over a graph change how it is computed, never what."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx_graphs import as_tensors, assert_same, floats, helper, model_of, numbers

from edgeproof.converters.from_onnx.module import module_from_onnx


def _calls(model: onnx.ModelProto, inputs: list[np.ndarray]) -> list[str]:
    program = torch.export.export(assert_same(model, inputs), as_tensors(inputs))
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


def test_transposes_that_cancel_disappear():
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
        helper.make_node("Identity", ["c"], ["d"]),
        helper.make_node("Transpose", ["d"], ["e"], perm=[0, 3, 1, 2]),
        helper.make_node("Neg", ["e"], ["y"]),
    ]
    calls = _calls(model_of(nodes, {"x": floats(1, 2, 3, 4)}, ["y"]), [floats(1, 2, 3, 4)])
    assert calls == ["aten.permute.default", "aten.relu.default", "aten.neg.default"]


def test_transposes_that_do_not_cancel_become_one():
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 2, 0]),
        helper.make_node("Transpose", ["a"], ["y"], perm=[0, 2, 1]),
    ]
    calls = _calls(model_of(nodes, {"x": floats(2, 3, 4)}, ["y"]), [floats(2, 3, 4)])
    assert calls == ["aten.permute.default"]


def test_a_transpose_with_another_reader_stays_for_that_one():
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 0]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[1, 0]),
        helper.make_node("Exp", ["a"], ["y"]),
        helper.make_node("Neg", ["b"], ["z"]),
    ]
    calls = _calls(model_of(nodes, {"x": floats(2, 3)}, ["y", "z"]), [floats(2, 3)])
    assert sorted(calls) == ["aten.exp.default", "aten.neg.default", "aten.permute.default"]


def test_what_depends_on_weights_alone_is_computed_once():
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("Mul", ["t", "two"], ["scaled"]),
        helper.make_node("Constant", [], ["shape"], value_ints=[3, 4]),
        helper.make_node("Reshape", ["scaled", "shape"], ["m"]),
        helper.make_node("Add", ["x", "m"], ["y"]),
    ]
    weights = {"w": floats(6, 2), "two": np.float32(2)}
    assert _calls(model_of(nodes, {"x": floats(3, 4)}, ["y"], weights), [floats(3, 4)]) == ["aten.add.Tensor"]


@pytest.mark.parametrize(
    "complement",
    [
        [helper.make_node("Erfc", ["m"], ["e"])],
        [helper.make_node("Erf", ["m"], ["f"]), helper.make_node("Sub", ["one", "f"], ["e"])],
    ],
    ids=["erfc", "one minus erf"],
)
def test_the_gelu_that_tensorflow_writes_stays_whole(complement: list[onnx.NodeProto]):
    nodes = [
        helper.make_node("Mul", ["half", "x"], ["h"]),
        helper.make_node("Neg", ["x"], ["n"]),
        helper.make_node("Mul", ["n", "root"], ["m"]),
        *complement,
        helper.make_node("Mul", ["h", "e"], ["y"]),
    ]
    weights = {"half": np.float32(0.5), "root": np.float32(np.sqrt(0.5)), "one": np.float32(1)}
    module = module_from_onnx(model_of(nodes, {"x": floats(9)}, ["y"], weights))
    inputs = as_tensors([floats(9)])
    program = torch.export.export(module, inputs)
    assert [str(node.target) for node in program.graph.nodes if node.op == "call_function"] == ["aten.gelu.default"]
    torch.testing.assert_close(module(*inputs)[0], 0.5 * inputs[0] * torch.erfc(-inputs[0] * 0.5**0.5))


def test_another_product_with_erfc_is_left_alone():
    nodes = [
        helper.make_node("Mul", ["half", "x"], ["h"]),
        helper.make_node("Mul", ["x", "root"], ["m"]),
        helper.make_node("Erfc", ["m"], ["e"]),
        helper.make_node("Mul", ["h", "e"], ["y"]),
    ]
    weights = {"half": np.float32(0.5), "root": np.float32(np.sqrt(0.5))}
    (inputs,) = as_tensors([floats(9)])
    (result,) = module_from_onnx(model_of(nodes, {"x": floats(9)}, ["y"], weights))(inputs)
    torch.testing.assert_close(result, 0.5 * inputs * torch.erfc(inputs * 0.5**0.5))


def test_weights_made_by_folding_share_no_memory():
    nodes = [
        helper.make_node("Split", ["w"], ["a", "b"], axis=0),
        helper.make_node("Add", ["x", "a"], ["y"]),
        helper.make_node("Mul", ["x", "b"], ["z"]),
    ]
    module = assert_same(model_of(nodes, {"x": floats(30)}, ["y", "z"], {"w": floats(2, 30)}), [floats(30)])
    assert len({tensor.untyped_storage().data_ptr() for tensor in module.parameters()}) == 2


def test_a_weight_is_not_blown_up_by_folding():
    nodes = [
        helper.make_node("Expand", ["w", "shape"], ["wide"]),
        helper.make_node("Add", ["x", "wide"], ["y"]),
    ]
    weights = {"w": floats(1, 8), "shape": numbers(20000, 8)}
    module = module_from_onnx(model_of(nodes, {"x": floats(1, 8)}, ["y"], weights))
    assert sum(tensor.numel() for tensor in module.state_dict().values()) < 100


def test_a_graph_may_hand_its_input_or_a_weight_through():
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Identity", ["w"], ["z"])]
    assert_same(model_of(nodes, {"x": floats(2)}, ["y", "z"], {"w": floats(3)}), [floats(2)])

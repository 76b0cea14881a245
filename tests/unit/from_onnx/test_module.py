"""What the module of an ONNX graph promises: names, order, weights, errors, dynamic shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from onnx_graphs import as_tensors, assert_same, floats, helper, model_of, numbers, one_node

from edgeproof.converters.errors import InputError, UnsupportedOperators
from edgeproof.converters.from_onnx.module import module_from_onnx


def _two_by_two() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Sub", ["left", "right"], ["difference"]),
        helper.make_node("Mul", ["difference", "model/scale:0"], ["scaled"]),
    ]
    return model_of(
        nodes, {"left": floats(2), "right": floats(2)}, ["scaled", "difference"], {"model/scale:0": floats(2)}
    )


def test_inputs_and_outputs_keep_their_names_and_order():
    module = assert_same(_two_by_two(), [floats(2), floats(2, seed=1)])
    assert module.input_names == ("left", "right")
    assert module.output_names == ("scaled", "difference")


def test_weights_are_parameters_without_gradient_and_the_module_does_not_train():
    module = module_from_onnx(_two_by_two())
    assert not module.training
    assert {name: tensor.requires_grad for name, tensor in module.named_parameters()} == {"model_scale_0": False}


def test_integers_are_buffers():
    module = module_from_onnx(one_node("Gather", [floats(9, 3), numbers(5, 1, 7)], weights=".w")[0])
    assert [tensor.dtype for tensor in module.buffers()] == [torch.int64]


def test_names_that_torch_would_refuse_or_that_clash_are_told_apart():
    names = ["a.b", "a/b", "forward", "training", "0"]
    nodes = [
        helper.make_node("Add", ["x" if not place else f"t{place - 1}", name], [f"t{place}"])
        for place, name in enumerate(names)
    ]
    weights = {name: floats(2, seed=place) for place, name in enumerate(names)}
    assert_same(model_of(nodes, {"x": floats(2)}, ["t4"], weights), [floats(2)])


def test_all_unsupported_operators_are_named_at_once():
    body_nodes = [
        helper.make_node("Unique", ["x"], ["u"], name="first"),
        helper.make_node("Unique", ["u"], ["v"], name="second"),
        helper.make_node("StringNormalizer", ["v"], ["w"], name="third"),
        helper.make_node("Relu", ["w"], ["y"]),
    ]
    with pytest.raises(UnsupportedOperators) as caught:
        module_from_onnx(model_of(body_nodes, {"x": floats(2)}, ["y"]))
    for word in ("Unique", "'first'", "'second'", "StringNormalizer", "'third'"):
        assert word in caught.value.message
    assert "Relu" not in caught.value.message
    assert "litert" in caught.value.fix


def test_an_old_operator_set_is_refused_in_words():
    with pytest.raises(UnsupportedOperators, match="operator set 6"):
        module_from_onnx(one_node("Relu", [floats(2)], opset=6)[0])


@pytest.mark.parametrize("opset", range(13, 24))
def test_every_operator_set_since_13_is_read(opset: int):
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 0]),
        helper.make_node("Softmax", ["a"], ["b"]),
        helper.make_node("Unsqueeze", ["b", "axis"], ["c"]),
        helper.make_node("ReduceSum", ["c", "axis"], ["d"], keepdims=0),
        helper.make_node("Add", ["d", "b"], ["y"]),
    ]
    assert_same(
        model_of(nodes, {"x": floats(3, 4)}, ["y"], {"axis": numbers(0)}, opset=opset), [floats(3, 4)], exported=False
    )


def test_operators_of_another_domain_have_their_own_names():
    nodes = [
        helper.make_node("Gelu", ["x"], ["g"], domain="com.microsoft"),
        helper.make_node("Range", ["zero", "three", "one"], ["r"], domain="com.microsoft"),
        helper.make_node("Add", ["g", "r"], ["y"]),
    ]
    weights = {"zero": np.float32(0), "three": np.float32(3), "one": np.float32(1)}
    model = model_of(nodes, {"x": floats(2, 3)}, ["y"], weights)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert_same(model, [floats(2, 3)])
    with pytest.raises(UnsupportedOperators, match=r"com\.else\.Relu"):
        module_from_onnx(model_of([helper.make_node("Relu", ["x"], ["y"], domain="com.else")], {"x": floats(2)}, ["y"]))


def test_strings_are_refused_in_words():
    model = _two_by_two()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(["a"], dtype=object), "words"))
    with pytest.raises(UnsupportedOperators, match="STRING"):
        module_from_onnx(model)


def test_a_wrong_number_of_tensors_is_refused_in_words():
    with pytest.raises(InputError, match="left, right"):
        module_from_onnx(_two_by_two())(torch.zeros(2))


def test_an_error_names_the_node_it_came_from():
    module = module_from_onnx(one_node("MatMul", [floats(2, 3), floats(3, 2)])[0])
    with pytest.raises(RuntimeError) as caught:
        module(torch.zeros(2, 3), torch.zeros(4, 2))
    assert caught.value.__notes__ == ["in the ONNX node MatMul 'the_matmul'"]


def test_functions_of_a_model_are_inlined():
    model = model_of([helper.make_node("Twice", ["x"], ["y"], domain="own")], {"x": floats(2)}, ["y"])
    model.opset_import.append(helper.make_opsetid("own", 1))
    steps = [helper.make_node("Add", ["a", "a"], ["b"])]
    model.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], steps, [helper.make_opsetid("", 17)]))
    assert_same(model, [floats(2)])


def test_weights_that_are_also_listed_as_inputs_are_weights():
    model = _two_by_two()
    model.graph.input.append(helper.make_tensor_value_info("model/scale:0", TensorProto.FLOAT, [2]))
    assert module_from_onnx(model).input_names == ("left", "right")


def test_a_dynamic_shape_stays_dynamic_through_its_arithmetic():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["height"], axis=0),
        helper.make_node("Mul", ["height", "two"], ["tall"]),
        helper.make_node("Unsqueeze", ["tall", "front"], ["tall_1"]),
        helper.make_node("Concat", ["minus", "tall_1", "three"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["cells"]),
        helper.make_node("Slice", ["cells", "one_1", "far", "one_1"], ["cut"]),
        helper.make_node("Cast", ["tall"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cut", "number"], ["y"]),
    ]
    weights = {
        "one": np.int64(1), "two": np.int64(2), "front": numbers(0), "minus": numbers(-1), "three": numbers(3),
        "one_1": numbers(1), "far": numbers(np.iinfo(np.int64).max),
    }  # fmt: skip
    model = model_of(nodes, {"x": floats(2, 4, 6)}, ["y"], {name: np.asarray(value) for name, value in weights.items()})
    module = assert_same(model, [floats(2, 4, 6)])
    dim = torch.export.Dim
    program = torch.export.export(
        module, as_tensors([floats(2, 4, 6)]), dynamic_shapes=(({0: dim("batch", max=16), 1: dim("height", max=64)},),)
    ).module()
    other = torch.randn(3, 9, 6)
    torch.testing.assert_close(program(other), module(other))


_SAME = {"auto_pad": "SAME_UPPER"}


@pytest.mark.parametrize(
    ("op_type", "kernel", "attributes"),
    [
        ("Conv", (2, 3, 3, 3), {**_SAME}),
        ("Conv", (2, 3, 3, 3), {**_SAME, "strides": [2, 2]}),
        ("ConvTranspose", (3, 2, 3, 3), {**_SAME, "strides": [2, 2]}),
        ("ConvTranspose", (3, 2, 4, 4), {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
        ("MaxPool", None, {**_SAME, "kernel_shape": [3, 3], "strides": [2, 2]}),
        ("AveragePool", None, {**_SAME, "kernel_shape": [3, 3], "strides": [2, 2]}),
    ],
)
def test_windows_slide_over_dynamic_sizes(op_type: str, kernel: tuple[int, ...] | None, attributes: dict[str, Any]):
    arrays = [floats(1, 3, 8, 9)] + ([] if kernel is None else [floats(*kernel, seed=1)])
    model, inputs = one_node(op_type, arrays, weights=".w", **attributes)
    module = assert_same(model, inputs)
    dynamic = ((dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),),)
    tensors = as_tensors([floats(2, 3, 8, 9)])
    program = torch.export.export(module, tensors, dynamic_shapes=dynamic).module()
    other = torch.randn(3, 3, 11, 6)
    torch.testing.assert_close(program(other), module(other))


@pytest.mark.parametrize("opset", [11, 17])
def test_a_resize_of_dynamic_size_is_torchs_own(opset: int):
    nodes = [helper.make_node("Resize", ["x", "roi", "scales"], ["y"], mode="linear")]
    weights = {"scales": np.array([1, 1, 2, 2], np.float32), "roi": np.zeros(0, np.float32)}
    model = model_of(nodes, {"x": floats(1, 2, 5, 6)}, ["y"], weights, opset=opset)
    module = assert_same(model, [floats(1, 2, 5, 6)])
    dynamic = (({2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},),)
    program = torch.export.export(module, as_tensors([floats(1, 2, 5, 6)]), dynamic_shapes=dynamic).module()
    other = torch.randn(1, 2, 7, 4)
    torch.testing.assert_close(program(other), module(other))

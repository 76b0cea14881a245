"""What the readers say, against what the formats' own libraries say about the same files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from artifacts import golden

from edgeproof.converters.inspection.inspect import inspect_artifact


@pytest.mark.parametrize("name", ["net.onnx", "side.onnx"])
def test_onnx_counts_and_names_are_those_of_the_onnx_library(name: str) -> None:
    model = onnx.load(golden(name))
    contents = inspect_artifact(golden(name)).contents
    assert contents.operators == Counter(node.op_type for node in model.graph.node)
    assert [fact.name for fact in contents.inputs] == [value.name for value in model.graph.input]
    assert [fact.name for fact in contents.outputs] == [value.name for value in model.graph.output]
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    assert contents.weights.count == sum(array.size for array in arrays)
    assert contents.weights.bytes == sum(array.nbytes for array in arrays)
    assert contents.versions["opset"] == str(model.opset_import[0].version)


def test_subgraphs_of_onnx_are_walked(tmp_path: Path) -> None:
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x"], ["y"])], "body", [], [onnx.helper.make_tensor_value_info("y", 1, [2])]
    )
    nodes = [
        onnx.helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=body),
        onnx.helper.make_node("Special", ["z"], ["out"], domain="com.example"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "main",
        [onnx.helper.make_tensor_value_info("c", 9, []), onnx.helper.make_tensor_value_info("x", 1, [2])],
        [onnx.helper.make_tensor_value_info("out", 1, None)],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("com.example", 1)]
    )
    path = tmp_path / "if.onnx"
    onnx.save(model, path)
    contents = inspect_artifact(path).contents
    assert contents.operators == {"Neg": 2, "If": 1, "com.example::Special": 1}
    assert contents.inputs[0].dtype == "bool"
    assert contents.inputs[0].shape == ()
    assert contents.outputs[0].shape is None
    assert contents.versions["opset com.example"] == "1"


@pytest.mark.parametrize("name", ["net.tflite", "dynamic.tflite", "int8.tflite"])
def test_litert_signatures_are_those_of_the_interpreter(name: str) -> None:
    interpreter = Interpreter(str(golden(name)))
    contents = inspect_artifact(golden(name)).contents
    runner = interpreter.get_signature_runner()
    for facts, details in (
        (contents.inputs, runner.get_input_details()),
        (contents.outputs, runner.get_output_details()),
    ):
        assert {fact.name for fact in facts} == set(details)
        for fact in facts:
            detail = details[fact.name]
            assert fact.dtype == np.dtype(detail["dtype"]).name
            assert fact.shape == tuple("?" if size < 0 else size for size in detail["shape_signature"].tolist())
            scale, zero_point = detail["quantization"]
            assert (fact.scale or 0.0) == pytest.approx(scale)
            assert (fact.zero_point or 0) == zero_point


@pytest.mark.parametrize("name", ["net.tflite", "dynamic.tflite", "int8.tflite"])
def test_litert_operators_are_those_of_the_interpreter(name: str) -> None:
    interpreter = Interpreter(
        str(golden(name)), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    operators = Counter(detail["op_name"] for detail in interpreter._get_ops_details())
    assert inspect_artifact(golden(name)).contents.operators == operators

"""What is finished in the ONNX graph of a quantised program survives what ONNX Runtime makes of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeproof.converters.from_torch.quantized.onnx_integers import finish_integers

pytestmark = pytest.mark.torch
SHAPE = (1, 4, 9, 9)
STEP = 0.05
Array = np.ndarray[Any, np.dtype[Any]]


def rounded(name: str, output: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("QuantizeLinear", [name, "step", "zero"], [f"{name}_integers"]),
        helper.make_node("DequantizeLinear", [f"{name}_integers", "step", "zero"], [output]),
    ]


def float_layer_between_integers() -> onnx.ModelProto:
    """One with a weight so large that all others would be nothing in 8 bits."""
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 0.1, (4, 4, 3, 3)).astype(np.float32)
    weights[0, 0, 0, 0] = 30
    constants = {"step": np.float32(STEP), "zero": np.uint8(128), "weights": weights}
    nodes = [
        *rounded("x", "seen"),
        helper.make_node("Conv", ["seen", "weights"], ["summed"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["summed"], ["result"]),
        *rounded("result", "y"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def run(model: onnx.ModelProto, level: Any) -> Array:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    x = np.random.default_rng(1).normal(0, 1, SHAPE).astype(np.float32)
    return np.asarray(session.run(None, {"x": x})[0])


def test_a_float_layer_between_integers_keeps_its_weights() -> None:
    levels = onnxruntime.GraphOptimizationLevel
    model = float_layer_between_integers()
    expected = run(model, levels.ORT_DISABLE_ALL)
    assert np.abs(run(model, levels.ORT_ENABLE_ALL) - expected).max() > 5 * STEP, "the copy is not needed any more"
    finished = ir.from_proto(model)
    finish_integers(finished)
    got = run(ir.to_proto(finished), levels.ORT_ENABLE_ALL)
    assert np.abs(got - expected).max() <= 1.01 * STEP
    assert np.mean(got != expected) < 0.01

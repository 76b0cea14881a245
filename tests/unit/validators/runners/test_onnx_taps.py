"""The values inside an ONNX artifact are those that depend on its inputs, and one operator of it runs alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.diagnosis_job import ExtractJob, TapJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.runners.onnx_taps import extract, tap

WEIGHT = np.random.default_rng(0).standard_normal((3, 4)).astype("f4")
X = np.random.default_rng(1).standard_normal((2, 4)).astype("f4")


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    """y = relu(x @ transpose(weight) + one): the transposed weight and its double are computed in the graph."""
    nodes = [
        helper.make_node("Transpose", ["weight"], ["turned"], name="turn"),
        helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.ones(3, "f4"))),
        helper.make_node("MatMul", ["x", "turned"], ["product"], name="multiply"),
        helper.make_node("Add", ["product", "one"], ["sum"], name="add"),
        helper.make_node("Relu", ["sum"], ["y"], name="relu"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (2, 4))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (2, 3))],
        [numpy_helper.from_array(WEIGHT, "weight")],
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), str(path))
    write_calls(tmp_path / "calls.npz", [{"x": X}])
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=(2, 4)),),
        outputs=(TensorSpec(name="y", dtype="float32", shape=(2, 3)),),
    )
    return Artifact(
        file=str(path), format="onnx", backend="cpu", precision=Precision.FP32, signature=signature, sha256="", bytes=1
    )


def test_what_is_computed_of_weights_alone_is_no_tap(artifact: Artifact, tmp_path: Path) -> None:
    values = tmp_path / "values.npz"
    taps = tap(TapJob(artifact=artifact, calls=str(tmp_path / "calls.npz"), values=str(values)))
    assert [one.operator for one in taps.taps] == ["MatMul multiply", "Add add", "Relu relu"]
    product, total, last = taps.taps
    assert (product.inputs, total.inputs, last.inputs) == ((), (product.name,), (total.name,))
    assert taps.outputs == {"y": last.name}
    given = next(read_calls(values))
    np.testing.assert_allclose(given[total.name], X @ WEIGHT.T + 1, rtol=1e-5)


def test_an_operator_alone_is_given_what_was_computed_of_weights(artifact: Artifact, tmp_path: Path) -> None:
    taps = tap(TapJob(artifact=artifact, calls=str(tmp_path / "calls.npz"), values=str(tmp_path / "values.npz")))
    alone, inputs = tmp_path / "alone.onnx", tmp_path / "inputs.npz"
    extract(
        ExtractJob(
            artifact=artifact,
            calls=str(tmp_path / "calls.npz"),
            tap=taps.taps[0].name,
            file=str(alone),
            inputs=str(inputs),
        )
    )
    stored = next(read_calls(inputs))
    assert {name: array.shape for name, array in stored.items()} == {"x": (2, 4), "turned": (4, 3)}
    session = onnxruntime.InferenceSession(str(alone), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, stored)
    np.testing.assert_allclose(given, X @ WEIGHT.T, rtol=1e-5)

from __future__ import annotations

from artifacts import golden

from edgeproof.converters.inspection.findings import Contents, TensorFacts
from edgeproof.converters.inspection.inspect import inspect_artifact


def _contents(name: str) -> Contents:
    return inspect_artifact(golden(name)).contents


def test_dynamic_dimensions_keep_their_names() -> None:
    assert _contents("net.onnx").inputs == (
        TensorFacts(name="image", dtype="float32", shape=("batch", 2, 4, 4)),
        TensorFacts(name="offset", dtype="float32", shape=("batch", 2)),
    )


def test_nodes_are_counted_by_type() -> None:
    assert _contents("net.onnx").operators == {
        "Add": 3, "Conv": 2, "Relu": 2, "CumSum": 1, "Gemm": 1, "ReduceMean": 1,
    }  # fmt: skip


def test_versions_name_ir_opset_and_producer() -> None:
    versions = _contents("net.onnx").versions
    assert versions["producer"] == "pytorch"
    assert versions["producer version"].startswith("2.")
    assert int(versions["opset"]) >= 18
    assert int(versions["IR"]) >= 8


def test_weights_in_a_side_file_are_counted_and_called_out() -> None:
    inside, beside = _contents("net.onnx"), _contents("side.onnx")
    assert beside.weights == inside.weights
    assert any("side.data" in note for note in beside.notes)
    assert inside.notes == ()

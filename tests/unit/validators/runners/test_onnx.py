"""ONNX Runtime as a runner: what is its own beside the contract of all runners."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tiny_onnx import write_tiny_onnx

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import LoadError, RunError, UnsafeInput
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.runners.onnx import open_runner

NOTHING = Signature(inputs=(), outputs=())


def artifact(path: Path, signature: Signature = NOTHING) -> Artifact:
    return Artifact(
        file=str(path),
        format="onnx",
        backend="cpu",
        precision=Precision.FP32,
        signature=signature,
        sha256="0",
        bytes=1,
    )


def write(
    path: Path, node: Any, inputs: dict[str, tuple[int, list[Any]]], outputs: dict[str, tuple[int, list[Any]]]
) -> Artifact:
    def values(tensors: dict[str, tuple[int, list[Any]]]) -> list[Any]:
        return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in tensors.items()]

    graph = helper.make_graph([node], "g", values(inputs), values(outputs))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return artifact(path)


def test_telemetry_is_off():
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_the_graphs_own_order_and_names_are_declared(tmp_path: Path):
    write_tiny_onnx(tmp_path / "m.onnx", outputs=("shifted", "positive"))
    with open_runner(artifact(tmp_path / "m.onnx")) as runner:
        assert [spec.name for spec in runner.signature.outputs] == ["shifted", "positive"]
        outputs = runner.run({"x": np.ones((2, 3), np.float32), "y": np.ones((2, 3), np.float32)})
    assert list(outputs) == ["shifted", "positive"]
    assert outputs["shifted"][0, 0] == 2.0


def test_an_open_size_goes_by_the_records_name(tmp_path: Path):
    write_tiny_onnx(tmp_path / "m.onnx", sizes=("s77", 3))
    record = Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 3)),), outputs=())
    with open_runner(artifact(tmp_path / "m.onnx", record)) as runner:
        shapes = {spec.name: spec.shape for spec in (*runner.signature.inputs, *runner.signature.outputs)}
    assert shapes["x"] == ("batch", 3)
    assert shapes["y"] == ("y.0", 3)


def test_integers_and_booleans_keep_their_dtypes(tmp_path: Path):
    made = write(
        tmp_path / "m.onnx",
        helper.make_node("Greater", ["ids", "limit"], ["above"]),
        {"ids": (TensorProto.INT64, [4]), "limit": (TensorProto.INT64, [])},
        {"above": (TensorProto.BOOL, [4])},
    )
    with open_runner(made) as runner:
        assert [spec.dtype for spec in runner.signature.inputs] == ["int64", "int64"]
        outputs = runner.run({"ids": np.array([2**60, 2**60 + 1, 0, -1]), "limit": np.array(2**60)})
    assert outputs["above"].dtype == bool
    assert outputs["above"].tolist() == [False, True, False, False]


def test_an_output_may_be_empty(tmp_path: Path):
    made = write(
        tmp_path / "m.onnx",
        helper.make_node("NonZero", ["x"], ["places"]),
        {"x": (TensorProto.FLOAT, [3])},
        {"places": (TensorProto.INT64, [1, None])},
    )
    with open_runner(made) as runner:
        assert runner.run({"x": np.zeros(3, np.float32)})["places"].shape == (1, 0)
        assert runner.run({"x": np.ones(3, np.float32)})["places"].shape == (1, 3)


def test_a_tensor_of_text_is_refused(tmp_path: Path):
    made = write(
        tmp_path / "m.onnx",
        helper.make_node("Identity", ["words"], ["same"]),
        {"words": (TensorProto.STRING, [1])},
        {"same": (TensorProto.STRING, [1])},
    )
    with pytest.raises(LoadError, match="not an array of numbers"):
        open_runner(made)


def test_what_goes_wrong_inside_is_told_with_the_inputs(tmp_path: Path):
    made = write(
        tmp_path / "m.onnx",
        helper.make_node("Gather", ["x", "ids"], ["rows"]),
        {"x": (TensorProto.FLOAT, [3]), "ids": (TensorProto.INT64, [1])},
        {"rows": (TensorProto.FLOAT, [1])},
    )
    with open_runner(made) as runner, pytest.raises(RunError, match=r"x: float32\[3\], ids: int64\[1\].*bounds"):
        runner.run({"x": np.ones(3, np.float32), "ids": np.array([7])})


def test_data_outside_of_the_folder_are_not_read(tmp_path: Path):
    write_tiny_onnx(tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], b"\0\0\0\0", raw=True)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret")
    model.graph.initializer.append(weight)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UnsafeInput, match="outside of its folder"):
        open_runner(artifact(tmp_path / "inside" / "m.onnx"))

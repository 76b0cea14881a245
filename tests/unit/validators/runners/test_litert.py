"""The LiteRT interpreter as a runner: what is its own beside the contract of all runners."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_litert import write_tiny_litert

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import LoadError
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.runners.litert import open_runner

NOTHING = Signature(inputs=(), outputs=())


def artifact(path: Path, signature: Signature = NOTHING) -> Artifact:
    return Artifact(
        file=str(path),
        format="litert",
        backend="xnnpack",
        precision=Precision.FP32,
        signature=signature,
        sha256="0",
        bytes=1,
    )


def ones(*shape: int) -> dict[str, np.ndarray]:
    return {name: np.ones(shape, np.float32) for name in ("x", "y")}


def test_the_graphs_order_counts_since_a_signature_has_none(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite")
    with open_runner(artifact(tmp_path / "m.tflite")) as runner:
        assert [spec.name for spec in runner.signature.inputs] == ["x", "y"]
        assert [spec.name for spec in runner.signature.outputs] == ["positive", "shifted"]
        assert list(runner.run(ones(2, 3))) == ["positive", "shifted"]


def test_what_xnnpack_took_is_recorded(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite")
    with open_runner(artifact(tmp_path / "m.tflite")) as runner:
        runner.run(ones(2, 3))
        made_by = runner.made_by
    assert made_by["xnnpack"] == "1 partitions of a graph of 2 operators"
    assert made_by["ai-edge-litert"]


def test_an_open_size_is_declared_open(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite", dynamic=True)
    with open_runner(artifact(tmp_path / "m.tflite")) as runner:
        assert runner.signature.inputs[0].shape == ("x.0", 3)


def test_a_size_of_zero_works(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite", dynamic=True)
    record = Signature(
        inputs=tuple(TensorSpec(name=name, dtype="float32", shape=("n", 3)) for name in ("x", "y")),
        outputs=(),
        dims=(Dim(name="n", min=0, max=9),),
    )
    with open_runner(artifact(tmp_path / "m.tflite", record)) as runner:
        for size in (2, 0, 3):
            assert {array.shape for array in runner.run(ones(size, 3)).values()} == {(size, 3)}


@pytest.mark.parametrize("signatures", [0, 2])
def test_a_file_must_have_one_signature(tmp_path: Path, signatures: int):
    write_tiny_litert(tmp_path / "m.tflite", signatures=signatures)
    with pytest.raises(LoadError, match=f"{signatures} signatures"):
        open_runner(artifact(tmp_path / "m.tflite"))


def test_every_truncation_is_refused_without_a_crash(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite")
    whole = (tmp_path / "m.tflite").read_bytes()
    for tenth in range(10):
        (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(LoadError):
            open_runner(artifact(tmp_path / "cut.tflite"))


def test_integers_with_a_scale_are_real_numbers_to_the_caller(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite", scale=(0.5, -3))
    record = Signature(inputs=tuple(TensorSpec(name=name, dtype="float32", shape=(2, 3)) for name in "xy"), outputs=())
    with open_runner(artifact(tmp_path / "m.tflite", record)) as runner:
        assert {spec.dtype for spec in (*runner.signature.inputs, *runner.signature.outputs)} == {"float32"}
        found = runner.run({"x": np.full((2, 3), -1.2, np.float32), "y": np.full((2, 3), 400.0, np.float32)})
    assert found["positive"].dtype == np.float32
    assert set(found["positive"].ravel()) == {0.0}
    assert set(found["shifted"].ravel()) == {64.0}, "-1 and 65, which is the largest, in steps of 0.5"


def test_integers_stay_integers_where_the_record_has_them(tmp_path: Path):
    write_tiny_litert(tmp_path / "m.tflite", scale=(0.5, -3))
    record = Signature(inputs=tuple(TensorSpec(name=name, dtype="int8", shape=(2, 3)) for name in "xy"), outputs=())
    with open_runner(artifact(tmp_path / "m.tflite", record)) as runner:
        assert [spec.dtype for spec in runner.signature.inputs] == ["int8", "int8"]

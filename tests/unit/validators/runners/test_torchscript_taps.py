"""The values inside a TorchScript artifact are those that depend on its inputs, and one operator of it runs alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.diagnosis_job import ExtractJob, TapJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.runners.torchscript_taps import extract, tap

pytestmark = pytest.mark.torch


class Dense(torch.nn.Module):
    """A dense layer, whose weight torch turns as it runs, a ReLU, and the input handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.dense(x).relu(), x


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    torch.manual_seed(0)
    x = torch.randn(2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced: Any = torch.jit.trace(Dense(), (x,))
        traced.save(str(tmp_path / "net.pt"))
    write_calls(tmp_path / "calls.npz", [{"x": x.numpy()}])
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=(2, 4)),),
        outputs=(
            TensorSpec(name="y", dtype="float32", shape=(2, 3)),
            TensorSpec(name="same", dtype="float32", shape=(2, 4)),
        ),
    )
    return Artifact(
        file=str(tmp_path / "net.pt"),
        format="torchscript",
        backend="torch",
        precision=Precision.FP32,
        signature=signature,
        sha256="",
        bytes=1,
    )


def test_a_turned_weight_is_no_tap_and_an_input_is_nobodys(artifact: Artifact, tmp_path: Path) -> None:
    values = tmp_path / "values.npz"
    taps = tap(TapJob(artifact=artifact, calls=str(tmp_path / "calls.npz"), values=str(values)))
    assert [one.operator for one in taps.taps] == ["aten.addmm.default", "aten.relu.default"]
    assert [one.inputs for one in taps.taps] == [(), ("0",)]
    assert taps.outputs == {"y": "1", "same": ""}
    assert next(read_calls(values)).keys() == {"0", "1"}


def test_the_operator_that_is_taken_out_is_the_tapped_one(artifact: Artifact, tmp_path: Path) -> None:
    alone, inputs = tmp_path / "alone.pt", tmp_path / "inputs.npz"
    job = ExtractJob(artifact=artifact, calls=str(tmp_path / "calls.npz"), tap="0", file=str(alone), inputs=str(inputs))
    assert extract(job) == alone.stat().st_size
    given = [torch.from_numpy(array) for array in next(read_calls(inputs)).values()]
    assert [tuple(tensor.shape) for tensor in given] == [(3,), (2, 4), (4, 3)]
    made: Any = torch.jit.load(str(alone))(*given)
    assert torch.allclose(made[0] if isinstance(made, tuple) else made, given[0] + given[1] @ given[2], atol=1e-6)

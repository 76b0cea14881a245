"""edgeproof.convert and edgeproof.verify from a session that holds a model, whose class no worker can import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgeproof
from edgeproof.converters.errors import SourceError, UsageError
from edgeproof.validators.parity import Status, Verdict

pytestmark = [pytest.mark.e2e, pytest.mark.torch, pytest.mark.slow]

FACTORY = "import torch\n\ndef build():\n    return torch.nn.Linear(4, 3), (torch.ones(1, 4),)\n"


def a_model() -> nn.Module:
    class Scores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.layer(x) * scale
            return {"logits": logits, "probabilities": logits.softmax(-1)}

    return Scores()


def test_a_live_module_is_converted_judged_and_judged_again(tmp_path: Path) -> None:
    model = a_model().train()
    samples = {"x": np.random.default_rng(0).normal(size=(6, 1, 4)).astype("f4"), "scale": np.ones((6, 1), "f4")}
    inputs = {"scale": torch.ones(1), "x": torch.randn(1, 4)}
    made = edgeproof.convert(model, tmp_path / "out", inputs=inputs, samples=samples, to="onnx,torchscript")
    assert model.training
    assert made.report.verdict is Verdict.PASS
    assert made.report.real_samples
    assert {row.format for row in made.report.results} == {"onnx", "torchscript"}
    for row in made.report.results:
        assert [output.name for output in row.outputs] == ["logits", "probabilities"]
    assert edgeproof.verify(tmp_path / "out").report.verdict is Verdict.PASS


def test_an_artifact_that_fails_is_a_row_and_no_exception(tmp_path: Path) -> None:
    made = edgeproof.convert(nn.Linear(4, 3), tmp_path / "out", inputs=torch.ones(1, 4), to=["onnx"])
    artifact = tmp_path / "out" / made.report.results[0].file
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"\0")
    judged = edgeproof.verify(tmp_path / "out").report
    assert judged.verdict is Verdict.FAIL
    assert [row.status for row in judged.results] == [Status.FAIL]


def test_a_training_checkpoint_is_opened_as_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FACTORY)
    states = {"model": nn.Linear(4, 3).state_dict(), "ema": nn.Linear(4, 3).state_dict()}
    torch.save(states, tmp_path / "run.pt")
    ask = {"model": f"{tmp_path / 'net.py'}:build", "to": "onnx"}
    with pytest.raises(SourceError, match="2 sets of weights"):
        edgeproof.convert(tmp_path / "run.pt", tmp_path / "out", **ask)
    made = edgeproof.convert(tmp_path / "run.pt", tmp_path / "out", opening=edgeproof.Opening(weights="ema"), **ask)
    assert made.report.verdict is Verdict.PASS


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ndarray is no source"):
        edgeproof.convert(np.ones(3), tmp_path / "out")

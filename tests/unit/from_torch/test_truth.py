"""The truth about a program: in float32, in float64 and with jitter; and the reason where there is no float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recurrent_models import program_of
from single_operator import single_program
from torch import nn
from torch_lowering import Flat

from edgeproof.converters.errors import SourceError
from edgeproof.converters.feedback import Feedback
from edgeproof.converters.from_torch.program import TorchProgram
from edgeproof.converters.from_torch.truth import truth_of
from edgeproof.converters.job import ConvertJob, RunResult, TruthJob
from edgeproof.converters.signature import Signature
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.tensors import Call, read_calls, write_calls

pytestmark = pytest.mark.torch


def told(folder: Path, program: TorchProgram, calls: list[Call], feedback: Feedback | None = None) -> RunResult:
    """Has the truth written: to program.npz, exact.npz and jittered.npz."""
    write_calls(folder / "calls.npz", calls)
    source = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net", factory="net:build")
    convert = ConvertJob(
        source=source, signature=Signature(inputs=(), outputs=()), examples="calls.npz", format="onnx", output=""
    )
    job = TruthJob(
        program=convert,
        calls=str(folder / "calls.npz"),
        exact=str(folder / "exact.npz"),
        program_outputs=str(folder / "program.npz"),
        jittered={str(folder / "jittered.npz"): 1.0},
        feedback=feedback,
    )
    return truth_of(program, job)


def outputs(folder: Path, name: str) -> list[Call]:
    return list(read_calls(folder / f"{name}.npz"))


def test_the_truth_is_nearer_than_a_rounding_and_the_jitter_as_far(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(6, 50), torch.randn(3, 6)
    result = told(tmp_path, program_of(Flat(lambda dense, x: dense(x), net), (x,)), [{"in_0": x.numpy()}] * 2)
    assert result.calls == 2
    with torch.no_grad():
        plain, truth = net(x).numpy(), net.double()(x.double()).numpy()
    written = {name: outputs(tmp_path, name)[1]["out_0"] for name in ("program", "exact", "jittered")}
    assert np.array_equal(written["program"], plain)
    assert written["exact"].dtype == np.float64
    assert np.abs(written["exact"] - truth).max() < 1e-14
    share = np.abs(written["jittered"] - truth).max() / np.abs(truth).max()
    assert 1e-9 < share < 1e-6


def test_a_model_without_float64_says_why_and_has_run_in_float32_by_then(tmp_path: Path) -> None:
    program, x = single_program()
    with pytest.raises(SourceError, match=r"does not run in float64: .*not implemented for 'Double'"):
        told(tmp_path, program, [{"in_0": x.numpy()}])
    assert outputs(tmp_path, "program")[0]["out_0"].shape == (2, 3)


def test_the_truth_of_a_sequence_has_its_own_state(tmp_path: Path) -> None:
    class Adds(nn.Module):
        def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor]:
            return (x + state,)

    program = program_of(Adds(), (torch.zeros(2), torch.zeros(2)))
    step = {"in_0": np.full(2, 0.1, np.float32), "in_1": np.full(2, 7, np.float32)}
    told(tmp_path, program, [step] * 4, Feedback(start=1, state={"in_1": "out_0"}))
    state = [float(call["out_0"][0]) for call in outputs(tmp_path, "exact")]
    tenth = float(np.float32(0.1))
    assert state == pytest.approx([7 + tenth, 7 + tenth, 7 + 2 * tenth, 7 + 3 * tenth], abs=1e-14)
    rounded = [call["out_0"][0] for call in outputs(tmp_path, "program")]
    assert rounded[-1] == np.float32(rounded[-2] + np.float32(0.1))

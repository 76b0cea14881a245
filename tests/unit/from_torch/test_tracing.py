"""A trace has the operators that depend on the inputs, each with its place in the model, its noise and its value."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from recurrent_models import program_of
from single_operator import single_program
from torch import nn

from edgeproof.converters.diagnosis_job import Trace, TraceJob
from edgeproof.converters.errors import NotRunnable
from edgeproof.converters.from_torch.tracing import trace_of
from edgeproof.converters.job import ConvertJob
from edgeproof.converters.signature import Signature
from edgeproof.converters.source import Framework, Source, SourceKind
from edgeproof.converters.tensors import Call, read_calls, write_calls

pytestmark = pytest.mark.torch


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(x).relu()


class Net(nn.Module):
    """Two outputs in floats, which are the same, and one in integers; a weight that is normalised on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.weight = nn.Parameter(torch.randn(5, 5))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        scores = self.block(x) @ (self.weight / self.weight.norm())
        return scores, scores, scores.argmax(-1)


def job_in(folder: Path) -> TraceJob:
    source = Source(kind=SourceKind.FACTORY, framework=Framework.TORCH, name="net", factory="net:build")
    convert = ConvertJob(
        source=source, signature=Signature(inputs=(), outputs=()), examples="", format="onnx", output=""
    )
    return TraceJob(program=convert, calls=str(folder / "calls.npz"), values=str(folder / "values.npz"))


def traced(folder: Path) -> tuple[Trace, Call, nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    net, x = Net(), torch.randn(3, 6)
    program = program_of(net, (x,))
    write_calls(folder / "calls.npz", [{"in_0": x.numpy()}])
    trace = trace_of(program, job_in(folder))
    return trace, next(read_calls(folder / "values.npz")), net, x


def test_what_is_computed_of_weights_alone_is_left_out(tmp_path: Path) -> None:
    trace, *_ = traced(tmp_path)
    assert [node.name for node in trace.nodes] == ["linear", "relu", "matmul", "argmax"]
    assert [node.inputs[:1] for node in trace.nodes] == [(), ("linear",), ("relu",), ("matmul",)]


def test_every_output_has_the_operator_that_gives_it(tmp_path: Path) -> None:
    trace, *_ = traced(tmp_path)
    assert trace.outputs == {"out_0": "matmul", "out_1": "matmul", "out_2": "argmax"}


def test_operators_know_their_module_and_their_line(tmp_path: Path) -> None:
    trace, *_ = traced(tmp_path)
    lines, start = inspect.getsourcelines(Block.forward)
    place = start + next(number for number, text in enumerate(lines) if "self.dense(x)" in text)
    linear, relu, matmul, _ = trace.nodes
    assert (linear.module, linear.line) == ("block.dense", f"test_tracing.py:{place}, in forward")
    assert (relu.module, matmul.module) == ("block", "")


def test_values_are_in_float64_and_noise_is_what_float32_loses(tmp_path: Path) -> None:
    trace, values, net, x = traced(tmp_path)
    with torch.no_grad():
        exact = net.double()(x.double())[0].numpy()
    assert values["matmul"].dtype == np.float64
    assert np.abs(values["matmul"] - exact).max() < 1e-12
    noises = {node.name: node.noise for node in trace.nodes}
    assert noises["argmax"] is None
    assert noises["matmul"] is not None
    assert 1e-9 < noises["matmul"] < 1e-6


def test_a_program_that_does_not_run_in_float64_is_not_traced(tmp_path: Path) -> None:
    program, x = single_program()
    write_calls(tmp_path / "calls.npz", [{"in_0": x.numpy()}])
    with pytest.raises(NotRunnable, match=r"not run in float64.*not implemented for 'Double'"):
        trace_of(program, job_in(tmp_path))

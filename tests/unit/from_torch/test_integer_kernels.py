"""Quantised programs become ONNX and ExecuTorch artifacts that run in integers and agree with the simulation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from quantised_models import Quantised, Tensors, quantised, run
from torch import nn
from torch.nn import functional

from edgeproof.converters.from_torch.quantized.decisions import decided_for
from edgeproof.converters.from_torch.quantized.simulation import simulated_for
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.execution import Kernel

pytestmark = pytest.mark.torch

Model = tuple[Callable[..., Any], list[nn.Module], Tensors]
BOTH = ("onnx", "executorch")
IMAGE = (torch.randn(1, 8, 12, 10),)
SOUND = (torch.randn(1, 8, 40),)
ROWS = (torch.randn(2, 7, 16),)
# A sum in another order may be rounded to the neighbouring integer.
STEPS = 1.01
RARELY = 0.002
THOUSANDTH = 0.001
DYNAMIC = 0.02  # of the greatest value: another rounding of the scale moves some integers by one


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 12))
        self.bias = nn.Parameter(torch.randn(12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, x, self.weight).relu()


def sequence(*parts: nn.Module) -> tuple[Callable[..., Any], list[nn.Module]]:
    return (lambda body, x: body(x)), [nn.Sequential(*parts)]


STATIC: dict[str, Model] = {
    "conv2d": (*sequence(nn.Conv2d(8, 6, 3, padding=1)), IMAGE),
    "conv2d, without bias": (*sequence(nn.Conv2d(8, 6, 3, stride=2, bias=False), nn.ReLU()), IMAGE),
    "depthwise, relu6": (*sequence(nn.Conv2d(8, 8, 3, groups=8), nn.ReLU6()), IMAGE),
    "groups": (*sequence(nn.Conv2d(8, 6, 3, groups=2)), IMAGE),
    "conv1d": (*sequence(nn.Conv1d(8, 6, 5, dilation=2), nn.ReLU()), SOUND),
    "pad": (lambda body, x: body(functional.pad(x, (0, 1, 0, 1))), [nn.Conv2d(8, 6, 3, stride=2)], IMAGE),
    "conv, silu": (*sequence(nn.Conv2d(8, 6, 1), nn.SiLU(), nn.Conv2d(6, 4, 1)), IMAGE),
    "max pool": (*sequence(nn.Conv2d(8, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 1)), IMAGE),
    "residual": (lambda a, b, x: b(a(x).relu() + x), [nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 4, 1)], IMAGE),
    "two readers": (lambda a, b, c, x: b(a(x)) + c(a(x)), [nn.Conv2d(8, 8, 1) for _ in range(3)], IMAGE),
    "linear of rows": (*sequence(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3)), ROWS),
    "addmm": (lambda a, b, x: b(a(x)), [Product(), nn.Linear(12, 4)], (torch.randn(5, 16),)),
}


def lowered(made: Quantised, name: str) -> Any:
    return getattr(made, name)()


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("model", STATIC)
def test_static_layers_run_in_integers_and_agree_with_the_simulation(model: str, name: str) -> None:
    function, parts, inputs = STATIC[model]
    made = quantised(function, parts, inputs, Precision.INT8)
    artifact = lowered(made, name)
    assert artifact.execution.operators
    assert {operator.kernel for operator in artifact.execution.operators} == {Kernel.INTEGER}
    expected = made.simulation(partial(simulated_for, name, precision=Precision.INT8), inputs)
    step = made.quantization.recipe.steps.get("out_0", float(expected[0].abs().max()) * DYNAMIC)
    (got,) = run(name, artifact.payload, inputs)
    assert got.shape == expected[0].shape
    steps = (got - expected[0]).abs() / step
    assert float(steps.max()) <= STEPS
    assert float(steps.sum()) <= max(1.0, RARELY * steps.numel())


@pytest.mark.parametrize("name", BOTH)
def test_the_macs_are_those_of_the_recipe(name: str) -> None:
    function, parts, inputs = STATIC["residual"]
    made = quantised(function, parts, inputs, Precision.INT8)
    assert lowered(made, name).execution.macs == sum(layer.macs for layer in made.quantization.recipe.layers)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("precision", [Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_linear_layers_agree_with_what_was_decided(name: str, precision: Precision) -> None:
    function, parts, inputs = STATIC["linear of rows"]
    made = quantised(function, parts, inputs, precision)
    artifact = lowered(made, name)
    kernels = {operator.kernel for operator in artifact.execution.operators}
    assert kernels == {Kernel.INTEGER if precision is Precision.INT8_DYNAMIC else Kernel.FLOAT}
    expected = made.simulation(partial(simulated_for, name, precision=Precision.INT8), inputs)[0]
    (got,) = run(name, artifact.payload, inputs)
    assert float((got - expected).abs().max()) <= DYNAMIC * float(expected.abs().max())


MEASURED: dict[str, Model] = {
    "image": (*sequence(nn.Conv2d(8, 6, 3, padding=1)), IMAGE),
    "images": (*sequence(nn.Conv2d(8, 6, (5, 1), stride=(2, 1))), (torch.randn(3, 8, 12, 10),)),
    "places": (*sequence(nn.Conv2d(8, 6, 1)), IMAGE),
    "sounds": (*sequence(nn.Conv1d(8, 6, 5, dilation=2, padding=3), nn.ReLU(), nn.Conv1d(6, 4, 1)), SOUND),
    "every second place": (*sequence(nn.Conv2d(8, 6, 1, stride=2)), IMAGE),
    "two": (*sequence(nn.Conv2d(8, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 1), nn.Conv2d(8, 4, 2)), IMAGE),
}


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
@pytest.mark.parametrize("name", ["onnx", "executorch", "litert"])
def test_layers_may_share_their_weights(name: str, precision: Precision) -> None:
    inputs = (torch.randn(1, 8, 12, 10), torch.randn(1, 8, 12, 10))
    twice = lambda conv, head, x, y: head((conv(x).relu() - conv(y).relu()).mean((2, 3)))  # noqa: E731
    made = quantised(twice, [nn.Conv2d(8, 6, 3), nn.Linear(6, 3)], inputs, precision)
    expected = made.simulation(partial(simulated_for, name, precision=precision), inputs)[0]
    (got,) = run(name, lowered(made, name).payload, inputs)
    assert float((got - expected).abs().max()) <= DYNAMIC * float(expected.abs().max())


@pytest.mark.parametrize("name", ["executorch", "litert"])
@pytest.mark.parametrize("model", MEASURED)
def test_xnnpack_measures_what_the_simulation_measures(model: str, name: str) -> None:
    function, parts, inputs = MEASURED[model]
    made = quantised(function, parts, inputs, Precision.INT8_DYNAMIC)
    artifact = lowered(made, name)
    assert {operator.kernel for operator in artifact.execution.operators} == {Kernel.INTEGER}
    expected = made.simulation(partial(decided_for, name), inputs)[0]
    (got,) = run(name, artifact.payload, inputs)
    noise = (expected - made.source.module()(*inputs)[0]).square().mean().sqrt()
    assert float((got - expected).square().mean().sqrt()) <= THOUSANDTH * float(noise)


def measuring(model: str) -> tuple[Quantised, Tensors]:
    function, parts, inputs = STATIC[model]
    return quantised(function, parts, inputs, Precision.INT8_DYNAMIC), inputs


def test_onnx_leaves_convolutions_in_float_rather_than_measuring_their_input() -> None:
    made, inputs = measuring("conv2d")
    artifact = made.onnx()
    assert [operator.kernel for operator in artifact.execution.operators] == [Kernel.FLOAT]  # type: ignore[union-attr]
    expected = made.simulation(partial(decided_for, "onnx"), inputs)[0]
    assert run("onnx", artifact.payload, inputs)[0].allclose(expected, atol=1e-5)


def test_xnnpack_measures_the_input_of_full_convolutions() -> None:
    made, inputs = measuring("conv2d")
    artifact = made.executorch()
    assert [operator.kernel for operator in artifact.execution.operators] == [Kernel.INTEGER]  # type: ignore[union-attr]
    assert artifact.notes == ()
    expected = made.simulation(partial(decided_for, "executorch"), inputs)[0]
    (got,) = run("executorch", artifact.payload, inputs)
    assert float((got - expected).abs().max()) <= DYNAMIC * float(expected.abs().max())


@pytest.mark.parametrize("model", ["depthwise, relu6", "pad"])
def test_other_measured_convolutions_run_in_float_and_the_note_says_so(model: str) -> None:
    made, inputs = measuring(model)
    artifact = made.executorch()
    (operator,) = artifact.execution.operators  # type: ignore[union-attr]
    assert operator.kernel is Kernel.FLOAT
    assert operator.reason == "input float32, weights float32"
    assert "stored in float" in artifact.notes[0]
    expected = made.simulation(partial(decided_for, "executorch"), inputs)[0]
    assert run("executorch", artifact.payload, inputs)[0].allclose(expected, atol=1e-5)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_WEIGHTS])
def test_recurrent_layers_compute_in_float_from_stored_integers(name: str, precision: Precision) -> None:
    inputs = (torch.randn(2, 6, 16),)
    model = (lambda lstm, head, x: head(lstm(x)[0])), [nn.LSTM(16, 20, batch_first=True), nn.Linear(20, 3)]
    made = quantised(*model, inputs, precision)
    artifact = lowered(made, name)
    expected = made.simulation(partial(simulated_for, name, precision=Precision.INT8), inputs)[0]
    (got,) = run(name, artifact.payload, inputs)
    assert float((got - expected).abs().max()) <= DYNAMIC * float(expected.abs().max())


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_an_embedding_is_looked_up_in_integers(name: str, precision: Precision) -> None:
    inputs = (torch.tensor([[1, 4, 9]]),)
    made = quantised(
        lambda table, head, x: head(table(x)), [nn.Embedding(500, 16), nn.Linear(16, 3)], inputs, precision
    )
    artifact = lowered(made, name)
    assert len(artifact.payload) < 500 * 16 * 4, "the table alone would take more in float"
    expected = made.simulation(partial(simulated_for, name, precision=Precision.INT8), inputs)[0]
    (got,) = run(name, artifact.payload, inputs)
    assert float((got - expected).abs().max()) <= DYNAMIC * float(expected.abs().max())


@pytest.mark.parametrize("name", BOTH)
def test_a_bias_of_billions_of_steps_is_kept(name: str) -> None:
    layer = nn.Conv2d(8, 6, 1)
    with torch.no_grad():
        layer.weight[2] = 0.0
        layer.bias[2] = 3.0  # type: ignore[index]
    made = quantised(lambda body, x: body(x), [layer], IMAGE, Precision.INT8)
    (got,) = run(name, lowered(made, name).payload, IMAGE)
    assert float((got[:, 2] - 3.0).abs().max()) <= made.quantization.recipe.steps["out_0"]


@pytest.mark.parametrize("name", BOTH)
def test_the_same_program_gives_the_same_bytes(name: str) -> None:
    function, parts, inputs = STATIC["residual"]
    made = quantised(function, parts, inputs, Precision.INT8)
    assert lowered(made, name).payload == lowered(made, name).payload

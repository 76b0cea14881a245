"""Quantised programs become TorchScript that computes in integers what the simulation computes in float."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
import torch
from quantised_cases import Case, Looking, Product, apply, conv, dense, quantised
from torch import nn
from torch.export import ExportedProgram

from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.from_torch.quantization.quantize import steps_of_outputs
from edgeproof.converters.from_torch.quantized.decisions import decided_for
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers
from edgeproof.converters.from_torch.torchscript_engine import exact_engine, use_engine
from edgeproof.converters.from_torch.torchscript_quantized import lower_quantized
from edgeproof.converters.quantization.execution import Kernel
from edgeproof.converters.quantization.recipe import Compute, Granularity

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:.*torch.quint8.*:UserWarning")]
F = nn.functional
ENGINES = sorted({exact_engine(), "qnnpack"} & set(torch.backends.quantized.supported_engines))
ROUNDED_OTHERWISE = 0.01  # share of the values that may lie one step beside the simulation's


def run(lowering: Lowering, inputs: Sequence[torch.Tensor], engine: str) -> list[torch.Tensor]:
    with use_engine(engine), torch.no_grad():
        return list(torch.jit.load(io.BytesIO(lowering.payload))(*inputs))


def simulated(program: ExportedProgram, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad():
        return list(program.module(check_guards=False)(*inputs))


def check_steps(program: ExportedProgram, expected: Sequence[torch.Tensor], got: Sequence[torch.Tensor]) -> None:
    """Integer outputs lie at most a step beside the simulation's, and nearly all of them on it."""
    for step, one, other in zip(steps_of_outputs(program), expected, got, strict=True):
        assert one.shape == other.shape
        assert step is not None
        beside = ((one - other) / step).round().abs()
        assert float(beside.max()) <= 1
        assert int((beside > 0).sum()) <= max(1, ROUNDED_OTHERWISE * beside.numel())


def in_integers(lowering: Lowering) -> list[bool]:
    assert lowering.execution is not None
    return [operator.kernel is Kernel.INTEGER for operator in lowering.execution.operators]


torch.manual_seed(0)
LAYERS = {
    "conv1d": Case(apply, [nn.Conv1d(8, 6, 3, padding=1)], [(2, 8, 20)]),
    "conv2d": Case(apply, [conv(8, 6, 3)]),
    "conv3d": Case(apply, [nn.Conv3d(4, 6, 3, padding=1)], [(1, 4, 6, 6, 6)]),
    "without a bias": Case(apply, [conv(8, 6, 3, bias=False)]),
    "groups": Case(apply, [conv(8, 12, 3, groups=4)]),
    "depthwise": Case(apply, [conv(8, 8, 3, groups=8, padding=1)]),
    "many groups": Case(apply, [conv(120, 120, 3, groups=120, padding=1)], [(1, 120, 9, 9)]),
    "stride and dilation": Case(apply, [conv(8, 6, 3, stride=2, dilation=2, padding=(1, 2))]),
    "same padding": Case(apply, [conv(8, 6, (2, 3), padding="same")]),
    "valid padding": Case(apply, [conv(8, 6, 3, padding="valid")]),
    "a long kernel": Case(apply, [conv(1, 6, (150, 1), stride=(4, 1), padding=(3, 0))], [(2, 1, 400, 1)]),
    "a volume": Case(apply, [nn.Conv3d(4, 6, (1, 2, 3), stride=2, padding=(0, 1, 0))], [(1, 4, 6, 6, 6)]),
    "transposed 1d": Case(apply, [nn.ConvTranspose1d(8, 6, 4, stride=2, padding=1)], [(2, 8, 20)]),
    "transposed convolution": Case(apply, [nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1)]),
    "transposed, uneven": Case(apply, [nn.ConvTranspose2d(8, 6, (2, 5), stride=(3, 2), output_padding=(2, 1))]),
    "transposed groups": Case(apply, [nn.ConvTranspose2d(8, 12, 2, stride=2, groups=4)]),
    "linear": Case(apply, [dense(8, 5)], [(4, 8)]),
    "linear, three axes": Case(apply, [dense(8, 5)], [(2, 3, 8)]),
    "mm": Case(apply, [Product(lambda self, x: torch.mm(x, self.matrix))], [(4, 8)]),
    "matmul": Case(apply, [Product(lambda self, x: x @ self.matrix)], [(2, 4, 8)]),
    "addmm": Case(apply, [Product(lambda self, x: torch.addmm(self.bias, x, self.matrix))], [(4, 8)]),
}
CHAINS = {
    "relu": Case(lambda layer, x: F.relu(layer(x)), [conv(8, 6, 3)]),
    "relu6": Case(lambda layer, x: F.relu6(layer(9 * x)), [conv(8, 6, 3)]),
    "relu6 that clips nothing": Case(lambda layer, x: F.relu6(layer(x)), [conv(8, 6, 3)]),
    "hardtanh of its own bounds": Case(lambda a, b, x: b(F.hardtanh(a(9 * x))), [conv(8, 6, 3), conv(6, 4, 1)]),
    "hardtanh": Case(lambda layer, x: F.hardtanh(layer(x), 0.0, 0.4), [conv(8, 6, 3)]),
    "linear relu": Case(lambda layer, x: F.relu(layer(x)), [dense(8, 5)], [(4, 8)]),
    "add": Case(lambda a, b, x: b(a(x) + x), [conv(8, 8, 3, padding=1), conv(8, 8, 1)]),
    "add relu": Case(lambda a, b, x: b(F.relu(a(x) + x)), [conv(8, 8, 3, padding=1), conv(8, 8, 1)]),
    "pooled": Case(lambda a, b, x: b(F.max_pool2d(a(x), 3, 2, 1)), [conv(8, 6, 3), conv(6, 4, 1)]),
    "padded": Case(lambda a, b, x: b(F.pad(F.relu(a(x)), (1, 2, 0, 1))), [conv(8, 6, 3), conv(6, 4, 3)]),
    "joined": Case(lambda a, b, x: b(torch.cat([a(x), a(x + 1)], -3)), [conv(8, 6, 3), conv(12, 4, 1)]),
    "flattened": Case(lambda a, b, x: b(a(x).flatten(1)), [conv(8, 6, 3), dense(600, 4)]),
    "viewed": Case(lambda a, b, x: b(a(x).view(2, -1)), [conv(8, 6, 3), dense(600, 4)]),
    "permuted": Case(lambda a, b, x: b(a(x).permute(0, 2, 3, 1)[:, 1:7]), [conv(8, 6, 3), dense(6, 4)]),
    "transposed": Case(lambda a, b, x: b(a(x).transpose(1, 3).squeeze(0)), [conv(8, 6, 3), dense(6, 4)]),
    "selected": Case(lambda a, b, x: b(a(x).select(2, 1).unsqueeze(2)), [conv(8, 6, 3), conv(6, 4, 1)]),
    "dropped out": Case(lambda a, b, x: b(F.dropout(a(x), 0.5, False)), [conv(8, 6, 3), conv(6, 4, 1)]),
    "averaged": Case(lambda a, b, x: b(F.adaptive_avg_pool2d(a(x), 1).flatten(1)), [conv(8, 6, 3), dense(6, 4)]),
    "two readers": Case(lambda a, b, x: (a(x), b(x)), [conv(8, 6, 3), conv(8, 4, 1)]),
    "two outputs of a chain": Case(lambda a, b, x: ((y := a(x)), b(y)), [conv(8, 6, 3), conv(6, 4, 1)]),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [*LAYERS, *CHAINS])
def test_static_layers_compute_in_integers(name: str, engine: str):
    case = (LAYERS | CHAINS)[name]
    program = quantised(case)
    lowering = lower_quantized(program)
    assert all(in_integers(lowering))
    check_steps(program, simulated(program, case.inputs()), run(lowering, case.inputs(), engine))


@pytest.mark.parametrize("name", ["conv2d", "linear", "mm", "transposed convolution"])
def test_one_scale_for_all_channels(name: str):
    case = LAYERS[name]
    program = quantised(case, granularity=Granularity.PER_TENSOR)
    lowering = lower_quantized(program)
    assert all(in_integers(lowering))
    check_steps(program, simulated(program, case.inputs()), run(lowering, case.inputs(), exact_engine()))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name in LAYERS if "groups" not in name and name != "depthwise"])
def test_layers_that_measure_their_input_compute_in_integers(name: str, engine: str):
    case = LAYERS[name]
    program = quantised(case, Compute.INT8_DYNAMIC)
    lowering = lower_quantized(program)
    assert all(in_integers(lowering))
    (expected,), (got,) = simulated(program, case.inputs()), run(lowering, case.inputs(), engine)
    assert expected.shape == got.shape
    assert float((expected - got).abs().max() / expected.abs().max()) < 1e-5


def test_groups_that_measure_their_input_say_why_they_compute_in_float():
    case = LAYERS["depthwise"]
    program = quantised(case, Compute.INT8_DYNAMIC)
    lowering = lower_quantized(program)
    assert lowering.execution is not None
    (operator,) = lowering.execution.operators
    assert operator.kernel is Kernel.FLOAT
    assert ["groups" in reason for reason in lowering.spared.values()] == [True]
    (expected,) = simulated(decided_for("torchscript", program), case.inputs())
    (got,) = run(lowering, case.inputs(), exact_engine())
    assert torch.allclose(expected, got, atol=1e-5)


def test_a_layer_that_is_left_in_float_is_reported():
    case = CHAINS["pooled"]
    program = quantised(case, floats=["conv2d_1"])
    lowering = lower_quantized(program)
    assert lowering.execution is not None
    first, second = lowering.execution.operators
    assert (first.name, first.kernel, first.macs) == ("conv2d", Kernel.INTEGER, 2 * 6 * 100 * 72)
    assert (second.name, second.kernel, second.macs) == ("conv2d_1", Kernel.FLOAT, 2 * 4 * 25 * 6)
    assert second.operator.startswith("aten::")
    assert second.reason


def test_products_of_activations_are_told():
    case = Case(lambda a, b, x: a(x) @ b(x).transpose(1, 2), [dense(8, 8), dense(8, 8)], [(2, 5, 8)])
    lowering = lower_quantized(quantised(case, Compute.INT8_DYNAMIC))
    assert lowering.execution is not None
    assert [operator.kernel for operator in lowering.execution.operators] == [Kernel.INTEGER] * 2 + [Kernel.FLOAT]
    assert lowering.execution.operators[2].macs == 2 * 5 * 5 * 8
    assert "activations" in lowering.execution.operators[2].reason


@pytest.mark.parametrize("layer", [nn.GRU(8, 4, batch_first=True), nn.LSTM(8, 4, batch_first=True)])
def test_recurrent_layers_are_told_with_all_their_steps(layer: nn.RNNBase):
    case = Case(lambda a, b, x: a(b(x))[0], [layer, dense(8, 8)], [(2, 5, 8)])
    with whole_recurrent_layers():
        program = quantised(case, Compute.INT8_DYNAMIC)
    lowering = lower_quantized(program)
    assert lowering.execution is not None
    floats = [each for each in lowering.execution.operators if each.kernel is Kernel.FLOAT]
    gates = layer.all_weights[0][1].shape[0]
    assert sum(each.macs for each in floats) == 2 * 5 * gates * 4
    assert {each.reason for each in floats} == {"recurrent layers compute in float"}


def test_a_step_of_a_recurrent_layer_is_two_products():
    case = Case(lambda a, b, x, state: b(a(x, state)), [nn.GRUCell(8, 4), dense(4, 3)], [(2, 8), (2, 4)])
    lowering = lower_quantized(quantised(case, Compute.INT8_DYNAMIC))
    assert lowering.execution is not None
    macs = {each.name: each.macs for each in lowering.execution.operators if each.kernel is Kernel.INTEGER}
    assert macs == {"gru_cell_input": 2 * 12 * 8, "gru_cell_state": 2 * 12 * 4, "linear": 2 * 4 * 3}


@pytest.mark.parametrize("name", ["conv2d", "linear", "mm", "depthwise"])
def test_weights_alone_are_stored_as_integers(name: str):
    case = LAYERS[name]
    program = quantised(case, Compute.INT8_WEIGHTS)
    lowering = lower_quantized(program)
    assert not any(in_integers(lowering))
    (expected,), (got,) = simulated(program, case.inputs()), run(lowering, case.inputs(), exact_engine())
    assert torch.allclose(expected, got, atol=1e-5)
    tensors = torch.jit.load(io.BytesIO(lowering.payload)).state_dict().values()
    assert max(tensors, key=torch.Tensor.numel).dtype is torch.int8


def test_embeddings_are_looked_up_as_integers():
    case = Looking(apply, [nn.Embedding(50, 16)])
    program = quantised(case, Compute.INT8_WEIGHTS)
    lowering = lower_quantized(program)
    assert torch.equal(simulated(program, case.inputs())[0], run(lowering, case.inputs(), exact_engine())[0])
    assert len(lowering.payload) < 50 * 16 * 4 + 6000


@pytest.mark.parametrize("compute", [Compute.INT8, Compute.INT8_DYNAMIC])
def test_the_batch_stays_open(compute: Compute):
    case = Case(lambda a, b, x: b(a(x).reshape(x.shape[0], -1)), [conv(8, 6, 3), dense(600, 4)])
    sizes = (({0: torch.export.Dim("batch", min=1, max=16)},),)
    program = quantised(case, compute, dynamic=sizes)
    lowering = lower_quantized(program)
    assert all(in_integers(lowering))
    for batch in (1, 5):
        inputs = (torch.randn(batch, 8, 12, 12, generator=torch.Generator().manual_seed(batch)),)
        (expected,), (got,) = simulated(program, inputs), run(lowering, inputs, exact_engine())
        assert expected.shape == got.shape
        assert float((expected - got).abs().max() / expected.abs().max()) < 0.02


@pytest.mark.parametrize("compute", [Compute.INT8, Compute.INT8_DYNAMIC, Compute.INT8_WEIGHTS])
def test_archives_are_the_same_every_time(compute: Compute):
    case = CHAINS["add relu"]
    program = quantised(case, compute)
    assert lower_quantized(program).payload == lower_quantized(program).payload


def test_a_bias_of_a_channel_without_weights_survives_every_engine():
    layer = conv(8, 6, 3)
    with torch.no_grad():
        layer.weight[2] *= 1e-13
    case = Case(apply, [layer])
    program = quantised(case)
    lowering = lower_quantized(program)
    for engine in ENGINES:
        check_steps(program, simulated(program, case.inputs()), run(lowering, case.inputs(), engine))

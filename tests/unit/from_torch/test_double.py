"""A program in float64: everything in it follows, and jitter moves what operators give and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from edgeproof.converters.from_torch.double import ULP, Jittered, as_doubles, double_module, doubles
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers


class Casting(nn.Module):
    """Constants, a buffer, casts and tensors made on the way, all of them in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 5)
        self.register_buffer("scale", torch.rand(5))
        self.constant = torch.rand(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = (self.linear(x) * self.scale).to(torch.float32) + self.constant
        steps = torch.arange(5, dtype=torch.float32) / 3
        return torch.softmax(hidden + steps + torch.ones(5) / 7, -1)


class InPlace(nn.Module):
    """Writes through a view."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y[:, 0] += 1
        return y


def exported(module: nn.Module, *inputs: torch.Tensor) -> torch.export.ExportedProgram:
    return torch.export.export(module.eval(), inputs)


def in_doubles(module: Any, *inputs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), doubles():
        (result,) = torch.utils._pytree.tree_leaves(module(*as_doubles(inputs)))
    return result


def exactly(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The same formulas by hand, in float64 from the first to the last."""
    wide = x.double()
    hidden = wide @ module.linear.weight.double().T + module.linear.bias.double()
    hidden = hidden * module.scale.double() + module.constant.double()
    return torch.softmax(hidden + torch.arange(5).double() / 3 + 1 / 7, -1)


def test_buffers_constants_and_casts_follow():
    torch.manual_seed(1)
    module, x = Casting(), torch.randn(3, 6)
    result = in_doubles(double_module(exported(module, x)), x)
    assert result.dtype is torch.float64
    assert (result - exactly(module, x)).abs().max() < 1e-15


def test_the_program_itself_stays_in_float32():
    module, x = Casting(), torch.randn(3, 6)
    program = exported(module, x)
    double_module(program)
    assert next(iter(program.state_dict.values())).dtype is torch.float32
    assert program.module()(x).dtype is torch.float32


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU])
def test_recurrent_layers_run(layer: type[nn.Module]):
    module, x = layer(4, 3, batch_first=True), torch.randn(2, 5, 4)
    with whole_recurrent_layers():
        program = exported(module, x)
    with torch.no_grad(), doubles():
        sequence = double_module(program)(x.double())[0]
    assert sequence.dtype is torch.float64
    assert (sequence - module(x)[0]).abs().max() < 1e-6


def test_float16_on_purpose_stays():
    class Half(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.half().float() * 2

    x = torch.tensor([1 / 3])
    assert in_doubles(double_module(exported(Half(), x)), x).item() == 2 * float(torch.tensor(1 / 3).half())


def test_jitter_is_of_the_size_of_a_rounding_and_repeats():
    module, x = Casting(), torch.randn(30, 6)
    exact = double_module(exported(module, x))
    truth = in_doubles(exact, x)
    moved = [in_doubles(Jittered(exact, seed=seed).run, x) for seed in (0, 0, 1)]
    assert torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[0], moved[2])
    share = ((moved[0] - truth).abs() / truth).max()
    assert 2**-24 < share < 2**-19


def test_what_a_sigmoid_rounds_is_never_small():
    x = torch.full((1, 1000), -9.0)
    module = double_module(exported(nn.Sigmoid(), x))
    exact, moved = in_doubles(module, x), in_doubles(Jittered(module, seed=1).run, x)
    largest = float((moved - exact).abs().max())
    assert 0.4 * ULP < largest <= 0.5 * ULP


def test_jitter_leaves_views_and_writes_through_them():
    x = torch.randn(4, 3)
    exact = double_module(exported(InPlace(), x))
    moved = in_doubles(Jittered(exact, seed=0).run, x)
    assert torch.allclose(moved, InPlace()(x).double(), rtol=1e-5)

"""Equalised tensors: the program computes the same, and only tensors that gain by it are divided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from calibrated_programs import nodes_of, program_of, run
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import largest_difference

from edgeproof.converters.from_torch.quantization.equalise import equalised, factors_for
from edgeproof.converters.from_torch.quantization.layers import layers_of
from edgeproof.converters.from_torch.quantization.statistics import Statistics, gather

pytestmark = pytest.mark.torch
MULTIPLY = torch.ops.aten.mul.Tensor


def uneven(channels: int) -> nn.LayerNorm:
    """A norm whose channels differ as those of attention models do: one of them is fifty times the rest."""
    norm = nn.LayerNorm(channels)
    with torch.no_grad():
        norm.weight[0] = 50
    return norm


def seen(function: Callable[..., Any], parts: Sequence[nn.Module], *calls: Any) -> tuple[ExportedProgram, Statistics]:
    given = [call if isinstance(call, tuple) else (call,) for call in calls]
    program = program_of(function, parts, *given[0])
    return program, gather(program, given, tensors=(), layers=layers_of(program))


def test_a_tensor_with_one_large_channel_is_divided_and_the_result_stays() -> None:
    x = torch.randn(64, 32)
    program, found = seen(after_the_norm, parts_of_attention(), x)
    factors = factors_for(program, found, ["layer_norm"])
    assert list(factors) == ["layer_norm"]
    assert factors["layer_norm"].shape == (32,)
    assert factors["layer_norm"][0] > 3 * factors["layer_norm"][1:].max()
    changed = equalised(program, factors)
    assert largest_difference(run(program, (x,)), run(changed, (x,))) < 1e-5
    assert largest_difference(run(program, (x * 9,)), run(changed, (x * 9,))) < 1e-5


def after_the_norm(norm: nn.Module, one: nn.Module, two: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    normed = norm(x)
    return one(normed), two(normed)


def parts_of_attention() -> list[nn.Module]:
    return [uneven(32), nn.Linear(32, 16), nn.Linear(32, 24)]


def test_one_division_serves_all_that_read_the_tensor() -> None:
    x = torch.randn(64, 32)
    program, found = seen(after_the_norm, parts_of_attention(), x)
    changed = equalised(program, factors_for(program, found, ["layer_norm"]))
    (multiply,) = nodes_of(changed, MULTIPLY)
    assert len(multiply.users) == 2


def test_other_readers_still_read_the_tensor_itself() -> None:
    x = torch.randn(64, 32)
    program, found = seen(after_the_norm, [uneven(32), nn.Linear(32, 16), nn.Tanh()], x)
    changed = equalised(program, factors_for(program, found, ["layer_norm"]))
    before, after = run(program, (x,)), run(changed, (x,))
    assert largest_difference(before, after) < 1e-5
    assert torch.equal(before[1], after[1])


def test_factors_leave_a_tensor_alone_that_has_even_channels() -> None:
    layer = nn.Linear(32, 16)
    nn.init.uniform_(layer.weight, -1, 1)
    program, found = seen(lambda one, x: one(x * 2), [layer], torch.rand(4096, 32) - 0.5)
    assert factors_for(program, found, ["mul"]) == {}
    assert equalised(program, {}) is program


def test_only_the_tensors_that_were_named_are_looked_at() -> None:
    program, found = seen(lambda norm, one, x: one(norm(x)), [uneven(32), nn.Linear(32, 16)], torch.randn(64, 32))
    assert factors_for(program, found, []) == {}
    assert factors_for(program, found, ["another"]) == {}


def test_a_channel_that_calibration_never_saw_is_not_blown_up() -> None:
    norm = uneven(32)
    with torch.no_grad():
        norm.weight[5] = norm.bias[5] = 0
    program, found = seen(lambda norm, one, x: one(norm(x)), [norm, nn.Linear(32, 16)], torch.randn(64, 32))
    (factors,) = factors_for(program, found, ["layer_norm"]).values()
    assert factors.isfinite().all()
    assert factors.max() / factors.min() <= 101
    assert factors[5] >= factors.min()


def test_dead_tensors_and_dead_weights_are_left_alone() -> None:
    silent = nn.Linear(32, 16)
    nn.init.zeros_(silent.weight)
    for x, layer in ((torch.zeros(64, 32), nn.Linear(32, 16)), (torch.randn(64, 32), silent)):
        program, found = seen(lambda one, x: one(x * 2), [layer], x)
        factors = factors_for(program, found, ["mul"])
        assert all(values.isfinite().all() for values in factors.values())
        changed = equalised(program, factors)
        assert torch.allclose(run(program, (x,))[0], run(changed, (x,))[0])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(32, 16, 3),
        pytest.param(nn.Conv1d(32, 16, 3, groups=2), id="grouped"),
        pytest.param(nn.ConvTranspose1d(32, 16, 3), id="transposed"),
    ],
)
def test_a_convolution_is_equalised_over_its_channels_unless_it_is_grouped(layer: nn.Module) -> None:
    scale = torch.ones(1, 32, 1)
    scale[0, 0] = 50
    x = torch.randn(4, 32, 20)
    program, found = seen(lambda one, x: one(x * scale), [layer], x)
    factors = factors_for(program, found, ["mul"])
    plain = isinstance(layer, nn.Conv1d) and layer.groups == 1
    assert bool(factors) == plain
    assert largest_difference(run(program, (x,)), run(equalised(program, factors), (x,))) < 1e-5


def test_a_product_with_its_columns_as_channels_is_equalised_too() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.randn(32, 16))

    x = torch.randn(64, 32)
    program, found = seen(lambda norm, own, x: norm(x) @ own.matrix, [uneven(32), Product()], x)
    factors = factors_for(program, found, ["layer_norm"])
    assert factors
    assert largest_difference(run(program, (x,)), run(equalised(program, factors), (x,))) < 1e-5


def test_readers_that_sum_over_other_axes_are_not_equalised_together() -> None:
    def both(one: nn.Module, two: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        doubled = x * 2
        return one(doubled), two(doubled)

    x = torch.randn(4, 32, 20) * torch.linspace(0.1, 50, 32).reshape(1, -1, 1)
    program, found = seen(both, [nn.Conv1d(32, 16, 3), nn.Linear(20, 8)], x)
    assert factors_for(program, found, ["mul"]) == {}


def test_a_call_without_a_batch_is_equalised_over_its_channels() -> None:
    scale = torch.ones(32, 1, 1)
    scale[0] = 50
    x = torch.randn(32, 8, 9)
    program, found = seen(lambda one, x: one(x * scale), [nn.Conv2d(32, 16, 3)], x)
    changed = equalised(program, factors_for(program, found, ["mul"]))
    assert largest_difference(run(program, (x,)), run(changed, (x,))) < 1e-5

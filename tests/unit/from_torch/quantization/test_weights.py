"""Weights in 8 bits: each channel on its own grid, and off by half a step at most."""

from __future__ import annotations

import pytest
import torch

from edgeproof.converters.from_torch.quantization.weights import integer_weights

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("axis", [0, 1, None])
def test_integers_stand_for_the_weights_within_half_a_step(axis: int | None) -> None:
    weights = torch.randn(6, 5, 3, 3)
    made = integer_weights(weights, axis)
    assert made.integers.dtype is torch.int8
    assert made.integers.shape == weights.shape
    assert made.scales.shape == (() if axis is None else (weights.shape[axis],))
    assert made.integers.abs().max() <= 127
    steps = made.real / made.integers.float().where(made.integers != 0, 1.0)
    largest = steps.abs().max()
    inside = made.integers.abs() < 127
    assert ((made.real - weights).abs()[inside] <= largest / 2 * 1.0001).all()


def test_each_channel_has_the_step_that_its_own_weights_need() -> None:
    weights = torch.rand(3, 1000) * torch.tensor([[0.01], [1.0], [100.0]])
    made = integer_weights(weights, 0)
    assert torch.allclose(made.scales, weights.amax(dim=1) / 127, rtol=0.05)
    for row in range(3):
        assert (made.real[row] - weights[row]).abs().max() <= made.scales[row] / 2 * 1.0001


def test_one_step_for_all_costs_the_small_channels() -> None:
    weights = torch.rand(2, 1000) * torch.tensor([[0.01], [1.0]])
    per_channel, per_tensor = integer_weights(weights, 0), integer_weights(weights, None)
    assert (per_channel.real[0] - weights[0]).norm() < 0.1 * (per_tensor.real[0] - weights[0]).norm()


def test_an_outlier_is_clipped_where_that_serves_the_others() -> None:
    weights = torch.cat([torch.randn(1, 20000), torch.tensor([[6.0]])], dim=1)
    made = integer_weights(weights, 0)
    plain = torch.round(weights / (6 / 127)) * 6 / 127
    assert made.scales[0] < 6 / 127
    assert (made.real - weights).square().sum() < (plain - weights).square().sum()


def test_the_scale_is_never_worse_than_the_plain_one() -> None:
    for seed in range(20):
        weights = torch.randn(4, 9, generator=torch.Generator().manual_seed(seed)) ** 3
        made = integer_weights(weights, 0)
        scales = weights.abs().amax(dim=1, keepdim=True) / 127
        plain = torch.round(weights / scales) * scales
        assert ((made.real - weights).square().sum(1) <= (plain - weights).square().sum(1) + 1e-9).all()


def test_a_dead_channel_stays_zero() -> None:
    weights = torch.randn(3, 8)
    weights[1] = 0
    made = integer_weights(weights, 0)
    assert (made.integers[1] == 0).all()
    assert (made.scales > 0).all()
    assert made.real.isfinite().all()


def test_the_weights_themselves_stay() -> None:
    weights = torch.randn(4, 4)
    before = weights.clone()
    integer_weights(weights, 0)
    assert torch.equal(weights, before)


def test_weights_that_lie_otherwise_in_memory_give_the_same_integers() -> None:
    weights = torch.randn(4, 6)
    turned = integer_weights(weights.T.contiguous().T, 0)
    assert torch.equal(turned.integers, integer_weights(weights, 0).integers)
    assert turned.integers.is_contiguous()

"""Weights rounded on calibration inputs: what the layer gives changes less than with plain rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from calibrated_programs import program_of
from torch import nn

from edgeproof.converters.from_torch.quantization.layers import Layer, layers_of
from edgeproof.converters.from_torch.quantization.rounding import rounded
from edgeproof.converters.from_torch.quantization.statistics import Statistics, gather
from edgeproof.converters.from_torch.quantization.weights import IntegerWeights, integer_weights

pytestmark = pytest.mark.torch
F = nn.functional


def correlated(*shape: int, axis: int) -> torch.Tensor:
    """Inputs whose channels move together, as those of real layers do."""
    channels = shape[axis]
    mixing = torch.randn(channels, max(channels // 3, 1))
    hidden = torch.randn(*shape[:axis], mixing.shape[1], *shape[axis + 1 :])
    mixed = torch.tensordot(hidden.movedim(axis, -1), mixing.T, dims=1).movedim(-1, axis)
    return (mixed + 0.1 * torch.randn(shape)).relu()


# The module and its inputs, made when a test has its seed.
CASES: dict[str, Callable[[], tuple[nn.Module, torch.Tensor]]] = {
    "conv1d": lambda: (nn.Conv1d(12, 8, 3, stride=2, padding=1, dilation=2), correlated(4, 12, 60, axis=1)),
    "conv2d": lambda: (nn.Conv2d(12, 8, 3, padding=1), correlated(2, 12, 16, 16, axis=1)),
    "conv2d flat": lambda: (nn.Conv2d(12, 8, (1, 5), padding=(0, 2), stride=(2, 1)), correlated(2, 12, 16, 16, axis=1)),
    "grouped": lambda: (nn.Conv2d(12, 8, 3, groups=4), correlated(2, 12, 16, 16, axis=1)),
    "depthwise": lambda: (nn.Conv2d(12, 12, 3, groups=12), F.avg_pool2d(correlated(2, 12, 16, 16, axis=1), 3, 1)),
    "linear": lambda: (nn.Linear(30, 8), correlated(50, 30, axis=1)),
    "linear on a sequence": lambda: (nn.Linear(30, 8), correlated(4, 20, 30, axis=2)),
}  # fmt: skip


def seen(function: Callable[..., Any], parts: list[nn.Module], *calls: torch.Tensor) -> tuple[Layer, Statistics]:
    program = program_of(function, parts, calls[0])
    (layer,) = layers_of(program)
    return layer, gather(program, [(call,) for call in calls], tensors=(), layers=[layer])


def loss(module: nn.Module, x: torch.Tensor, made: IntegerWeights) -> float:
    with torch.no_grad():
        before = module(x)
        kept, module.weight.data = module.weight.data, made.real
        after = module(x)
        module.weight.data = kept
    return float((after - before).square().mean())


@pytest.mark.parametrize("name", CASES)
def test_what_the_layer_gives_changes_less_than_by_plain_rounding(name: str) -> None:
    module, x = CASES[name]()
    layer, found = seen(lambda one, x: one(x), [module], x)
    moments = found.moments(layer.name)
    assert moments is not None
    made = rounded(layer.values, layer.axis, moments)
    plain = integer_weights(layer.values, layer.axis)
    assert torch.equal(made.scales, plain.scales)
    assert made.integers.shape == layer.values.shape
    assert made.integers.abs().max() <= 127
    assert loss(module, x, made) < 0.9 * loss(module, x, plain)


@pytest.mark.parametrize("name", CASES)
def test_moments_foretell_the_loss_exactly(name: str) -> None:
    module, x = CASES[name]()
    layer, found = seen(lambda one, x: one(x), [module], *x.chunk(2))
    moments = found.moments(layer.name)
    assert moments is not None
    made = integer_weights(layer.values, layer.axis)
    groups = moments.shape[0]
    wrong = (made.real - layer.values).reshape(groups, -1, moments.shape[-1])
    foretold = torch.einsum("goi,gij,goj->", wrong, moments, wrong) / layer.values.shape[layer.axis]
    assert float(foretold) == pytest.approx(loss(module, x, made), rel=1e-3)


def test_columns_of_a_product_are_its_channels() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(30, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.weight

    module, x = Product(), correlated(50, 30, axis=1)
    layer, found = seen(lambda one, x: one(x), [module], x)
    moments = found.moments(layer.name)
    assert moments is not None
    made = rounded(layer.values, layer.axis, moments)
    assert made.scales.shape == (8,)

    def lost(weights: IntegerWeights) -> float:
        return float((x @ (weights.real - layer.values).T).square().mean())

    assert lost(made) < 0.8 * lost(integer_weights(layer.values, layer.axis))


def test_inputs_that_are_never_used_are_rounded_plainly() -> None:
    weights = torch.randn(4, 10)
    made = rounded(weights, 0, torch.zeros(1, 10, 10))
    assert torch.equal(made.integers, integer_weights(weights, 0).integers)


def test_independent_inputs_leave_nothing_to_make_up_for() -> None:
    weights = torch.randn(4, 10)
    made = rounded(weights, 0, torch.eye(10)[None])
    assert torch.equal(made.integers, integer_weights(weights, 0).integers)


def test_more_inputs_than_one_block_are_rounded_alike() -> None:
    module, x = nn.Linear(300, 6), correlated(400, 300, axis=1)
    layer, found = seen(lambda one, x: one(x), [module], x)
    moments = found.moments(layer.name)
    assert moments is not None
    made = rounded(layer.values, layer.axis, moments)
    assert loss(module, x, made) < 0.5 * loss(module, x, integer_weights(layer.values, 0))


def test_the_same_inputs_give_the_same_integers() -> None:
    module, x = CASES["conv2d"]()
    runs = [seen(lambda one, x: one(x), [module], x) for _ in range(2)]
    made = [rounded(layer.values, layer.axis, found.moments(layer.name)) for layer, found in runs]  # type: ignore[arg-type]
    assert torch.equal(made[0].integers, made[1].integers)

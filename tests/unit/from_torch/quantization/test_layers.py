"""Layers: which operators count as one, and their multiply-accumulates by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from calibrated_programs import program_of
from torch import nn
from torch_lowering import exported

from edgeproof.converters.from_torch.quantization.layers import Layer, elements_of, layers_of

pytestmark = pytest.mark.torch

# What it is called, its multiply-accumulates, the axis of its output channels.
CASES: dict[str, tuple[nn.Module, tuple[int, ...], tuple[str, int, int]]] = {
    "conv1d": (nn.Conv1d(3, 8, 5), (2, 3, 20), ("conv1d", 2 * 16 * 8 * 3 * 5, 0)),
    "conv1d same": (nn.Conv1d(3, 8, 4, padding="same"), (2, 3, 20), ("conv1d", 2 * 20 * 8 * 3 * 4, 0)),
    "conv2d": (nn.Conv2d(3, 8, 3, stride=2), (1, 3, 9, 11), ("conv2d", 4 * 5 * 8 * 3 * 9, 0)),
    "grouped": (nn.Conv2d(6, 12, 3, groups=3), (1, 6, 5, 5), ("conv2d", 9 * 12 * 2 * 9, 0)),
    "depthwise": (nn.Conv2d(6, 6, 3, groups=6), (1, 6, 5, 5), ("conv2d", 9 * 6 * 9, 0)),
    "conv3d": (nn.Conv3d(2, 3, 2), (1, 2, 3, 4, 5), ("conv3d", 2 * 3 * 4 * 3 * 2 * 8, 0)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2), (1, 4, 5, 5), ("conv_transpose2d", 25 * 4 * 6 * 9, 1)),
    "transposed 1d": (nn.ConvTranspose1d(4, 6, 3), (2, 4, 5), ("conv_transpose1d", 2 * 5 * 4 * 6 * 3, 1)),
    "transposed in groups": (
        nn.ConvTranspose2d(4, 6, 3, groups=2),
        (1, 4, 5, 5),
        ("conv_transpose2d", 25 * 4 * 3 * 9, 1),
    ),
    "linear": (nn.Linear(7, 5), (3, 7), ("linear", 3 * 7 * 5, 0)),
    "linear on a sequence": (nn.Linear(7, 5), (2, 4, 7), ("linear", 2 * 4 * 7 * 5, 0)),
}


def only_layer(function: Callable[..., Any], parts: list[nn.Module], *inputs: torch.Tensor) -> Layer:
    (layer,) = layers_of(program_of(function, parts, *inputs))
    return layer


@pytest.mark.parametrize("name", CASES)
def test_multiply_accumulates_are_those_counted_by_hand(name: str) -> None:
    module, shape, expected = CASES[name]
    layer = only_layer(lambda one, x: one(x), [module], torch.randn(shape))
    assert (layer.operator, layer.macs, layer.axis) == expected
    assert layer.activation is not None
    assert layer.activation.op == "placeholder"
    assert torch.equal(layer.values, module.weight)


class Product(nn.Module):
    """A matrix that is multiplied from the right."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(sizes))


@pytest.mark.parametrize("operator", ["mm", "matmul", "addmm"])
def test_products_with_a_matrix_are_linear_layers(operator: str) -> None:
    def multiply(own: Product, x: torch.Tensor) -> torch.Tensor:
        if operator == "addmm":
            return torch.addmm(torch.ones(5), x, own.matrix)
        return getattr(torch, operator)(x, own.matrix)

    layer = only_layer(multiply, [Product(7, 5)], torch.randn(3, 7))
    assert (layer.operator, layer.macs, layer.axis) == ("linear", 3 * 7 * 5, 0)


@pytest.mark.parametrize(
    "multiply",
    [
        lambda own, x: torch.matmul(x, own.matrix),
        lambda own, x: torch.bmm(x, own.matrix),
        lambda own, x: torch.matmul(x, x.transpose(1, 2)) + own.matrix.sum(),
        lambda own, x: torch.matmul(own.matrix[:, :4, :3], x),
    ],
    ids=["many matrices", "bmm", "no weights", "weights on the left"],
)
def test_other_products_are_no_layers(multiply: Callable[..., Any]) -> None:
    assert not list(layers_of(program_of(multiply, [Product(2, 7, 5)], torch.randn(2, 3, 7))))


def test_an_embedding_has_no_activation_and_multiplies_nothing() -> None:
    layer = only_layer(lambda one, x: one(x), [nn.Embedding(10, 4)], torch.tensor([[1, 2, 3]]))
    assert (layer.operator, layer.macs, layer.axis, layer.activation) == ("embedding", 0, 0, None)


def test_groups_are_found_wherever_they_stand() -> None:
    assert only_layer(lambda one, x: one(x), [nn.Conv2d(6, 6, 3, groups=6)], torch.randn(1, 6, 5, 5)).groups == 6
    assert only_layer(lambda one, x: one(x), [nn.Conv2d(6, 6, 3)], torch.randn(1, 6, 5, 5)).groups == 1
    assert only_layer(lambda one, x: one(x), [nn.ConvTranspose1d(4, 6, 3, groups=2)], torch.randn(2, 4, 5)).groups == 2
    assert only_layer(lambda one, x: one(x), [nn.Linear(6, 6)], torch.randn(1, 6)).groups == 1


def test_weights_that_are_computed_from_the_input_are_no_layer() -> None:
    program = program_of(lambda x: nn.functional.linear(x, x @ x.T), [], torch.randn(4, 4))
    assert not list(layers_of(program))


def test_a_layer_is_called_by_the_module_it_stands_in() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    layer = only_layer(lambda one, x: one(x), [body], torch.randn(1, 3, 5, 5))
    assert layer.module.endswith("parts.0.0")


def test_folded_weights_are_layers_under_their_own_names() -> None:
    def standardised(one: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, one.weight - one.weight.mean())

    module = nn.Conv2d(3, 4, 3, bias=False)
    layer = only_layer(standardised, [module], torch.randn(1, 3, 5, 5))
    assert torch.allclose(layer.values, module.weight - module.weight.mean())


def test_an_open_size_counts_as_the_examples() -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    program = exported(nn.Sequential(nn.Linear(7, 5)), (torch.randn(3, 7),), ({0: batch},))
    (layer,) = layers_of(program)
    assert layer.macs == 3 * 7 * 5
    assert elements_of(layer.node) == 15

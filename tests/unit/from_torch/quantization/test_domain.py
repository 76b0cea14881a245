"""The integer domain: which tensors are rounded, by which operators they are computed, and which share a scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from calibrated_programs import program_of
from torch import fx, nn

from edgeproof.converters.from_torch.quantization.domain import Domain, integer_domain, last_of
from edgeproof.converters.from_torch.quantization.layers import layers_of

pytestmark = pytest.mark.torch
F = nn.functional
IMAGE = torch.randn(1, 4, 8, 8)


def convolution(channels: int = 4) -> nn.Conv2d:
    return nn.Conv2d(channels, 4, 3, padding=1)


def domain_of(
    function: Callable[..., Any], parts: Sequence[nn.Module], *inputs: torch.Tensor, without: Sequence[str] = ()
) -> Domain:
    program = program_of(function, parts, *inputs)
    layers = {
        layer.node: layer.activation
        for layer in layers_of(program)
        if layer.activation is not None and layer.name not in without
    }
    return integer_domain(program.graph, layers)


def named(domain: Domain) -> dict[str, str | None]:
    """Tensor to what computes it."""
    return {node.name: None if by is None else by.name for node, by in domain.tensors.items()}


def tied(domain: Domain) -> set[tuple[str, str]]:
    return {(left.name, right.name) for left, right in domain.ties}


def test_between_layers_the_activation_is_rounded_and_not_what_it_reads() -> None:
    found = domain_of(lambda one, two, x: two(one(x).relu()), [convolution(), convolution()], IMAGE)
    assert named(found) == {"tensors_0": None, "relu": "conv2d", "conv2d_1": "conv2d_1"}
    assert found.ties == []


@pytest.mark.parametrize(
    ("activation", "fused"),
    [
        (F.relu6, True),
        (lambda x: F.hardtanh(x, 0.0, 6.0), True),
        (lambda x: x.clamp(min=0), True),
        (lambda x: x.clamp(0, 1), True),
        (F.hardtanh, False),
        (lambda x: x.clamp(max=1), False),
        (F.gelu, False),
        (torch.sigmoid, False),
    ],
    ids=["relu6", "0 to 6", "from 0", "0 to 1", "-1 to 1", "to 1", "gelu", "sigmoid"],
)
def test_only_what_kernels_clip_is_fused(activation: Callable[..., Any], fused: bool) -> None:
    found = named(domain_of(lambda one, two, x: two(activation(one(x))), [convolution(), convolution()], IMAGE))
    assert ("conv2d" not in found) == fused
    assert len(found) == (3 if fused else 4)
    if not fused:
        assert found["conv2d"] == "conv2d"
        assert list(found.values()).count(None) == 2


def test_an_activation_is_not_fused_if_the_raw_result_is_read_as_well() -> None:
    found = domain_of(
        lambda one, two, x: two(y.relu()) + y if (y := one(x)) is not None else y, [convolution(), convolution()], IMAGE
    )
    assert named(found)["conv2d"] == "conv2d"
    assert named(found)["relu"] == "relu"
    assert ("conv2d", "relu") in tied(found)


def test_a_residual_add_between_layers_is_computed_in_integers() -> None:
    def residual(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> torch.Tensor:
        left = one(x).relu()
        return three((two(left) + left).relu())

    found = named(domain_of(residual, [convolution(), convolution(), convolution()], IMAGE))
    assert found["relu_1"] == "add"
    assert "add" not in found


@pytest.mark.parametrize(
    "add",
    [
        lambda y, x: y + F.gelu(x),
        lambda y, _x: y + torch.ones(1, 4, 8, 8),
        lambda y, x: torch.add(y, y * x, alpha=2),
        lambda y, _x: y + y,
    ],
    ids=["a float tensor", "a constant", "a factor", "itself"],
)
def test_an_add_with_something_else_stays_in_float(add: Callable[..., Any]) -> None:
    found = named(domain_of(lambda one, two, x: two(add(one(x), x)), [convolution(), convolution()], IMAGE))
    assert found["add"] is None
    assert found["conv2d"] == "conv2d"


def test_a_number_that_is_added_goes_into_the_layer() -> None:
    found = named(domain_of(lambda one, two, x: two(one(x) + 1.0), [convolution(), convolution()], IMAGE))
    assert "add" not in found
    assert found["conv2d"] == "conv2d"


def test_what_is_joined_shares_a_scale() -> None:
    def joined(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return three(torch.cat([one(x).relu(), two(x)], 1))

    found = domain_of(joined, [convolution(), convolution(), convolution(8)], IMAGE)
    assert named(found)["cat"] == "cat"
    assert tied(found) == {("relu", "cat"), ("conv2d_1", "cat")}


def test_an_activation_behind_a_join_shares_the_scale_too() -> None:
    def joined(one: nn.Module, two: nn.Module, three: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return three(torch.cat([one(x), two(x)], 1).relu())

    found = domain_of(joined, [convolution(), convolution(), convolution(8)], IMAGE)
    assert named(found)["cat"] == "cat"
    assert named(found)["relu"] == "relu"
    assert ("cat", "relu") in tied(found)
    assert all(node in found.tensors for pair in found.ties for node in pair)


MOVES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 1, 1),
    "pad": lambda x: F.pad(x, (1, 1, 1, 1)),
    "permute": lambda x: x.permute(0, 1, 3, 2),
    "slice": lambda x: x[:, :, :6],
    "reshape": lambda x: x.reshape(1, 4, 4, 16),
    "transpose": lambda x: x.transpose(2, 3),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_only_moves_numbers_keeps_their_scale(name: str) -> None:
    found = domain_of(lambda one, two, x: two(MOVES[name](one(x))), [convolution(), convolution()], IMAGE)
    ((source, moved),) = tied(found)
    assert source == "conv2d"
    assert named(found)[moved] == moved


def test_moves_in_a_row_share_one_scale() -> None:
    def classify(one: nn.Module, two: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return two(F.max_pool2d(one(x).relu(), 8).flatten(1))

    found = domain_of(classify, [convolution(), nn.Linear(4, 2)], IMAGE)
    assert tied(found) == {("relu", "max_pool2d"), ("max_pool2d", "flatten")}


@pytest.mark.parametrize(
    "pool",
    [lambda x: F.avg_pool2d(x, 2), lambda x: F.adaptive_avg_pool2d(x, 2), lambda x: x.mean((2, 3), keepdim=True)],
)
def test_averages_are_computed_in_integers_with_a_scale_of_their_own(pool: Callable[..., Any]) -> None:
    found = domain_of(lambda one, two, x: two(pool(one(x))), [convolution(), convolution()], IMAGE)
    assert len([by for by in named(found).values() if by not in {None, "conv2d", "conv2d_1"}]) == 1
    assert found.ties == []


@pytest.mark.parametrize(
    "pad", [lambda x: F.pad(x, (1, 1), value=1.0), lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect")]
)
def test_other_padding_is_left_in_float(pad: Callable[..., Any]) -> None:
    found = named(domain_of(lambda one, two, x: two(pad(one(x))), [convolution(), convolution()], IMAGE))
    assert list(found.values()).count(None) == 2


def test_what_nobody_reads_as_integers_stays_in_float() -> None:
    found = named(domain_of(lambda one, x: F.max_pool2d(one(x), 2), [convolution()], IMAGE))
    assert found == {"tensors_0": None, "conv2d": "conv2d"}


def test_a_float_consumer_does_not_stop_the_integers() -> None:
    found = domain_of(
        lambda one, two, x: (two(y), F.gelu(y)) if (y := one(x).relu()) is not None else (), [convolution()] * 2, IMAGE
    )
    assert named(found)["relu"] == "conv2d"


def test_an_input_that_several_layers_read_is_rounded_once() -> None:
    found = named(domain_of(lambda one, two, x: (one(x), two(x)), [convolution(), convolution()], IMAGE))
    assert found == {"tensors_0": None, "conv2d": "conv2d", "conv2d_1": "conv2d_1"}


def test_a_layer_in_float_is_read_like_any_float_value() -> None:
    parts = [convolution(), convolution(), convolution()]
    found = domain_of(lambda a, b, c, x: c(F.max_pool2d(b(a(x)), 2)), parts, IMAGE, without=["conv2d_1"])
    assert named(found) == {"tensors_0": None, "conv2d": "conv2d", "max_pool2d": None, "conv2d_2": "conv2d_2"}
    assert found.ties == []


def test_the_last_of_a_layer_is_its_fused_activation() -> None:
    program = program_of(lambda one, x: one(x).relu(), [convolution()], IMAGE)
    nodes: dict[str, fx.Node] = {node.name: node for node in program.graph.nodes}
    assert last_of(nodes["conv2d"]) is nodes["relu"]
    assert last_of(nodes["relu"]) is nodes["relu"]

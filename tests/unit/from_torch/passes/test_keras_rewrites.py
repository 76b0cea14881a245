"""What the torch backend of Keras writes becomes what torch models are written with, and the results stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.from_torch.passes.dense_as_linear import dense_as_linear
from edgeproof.converters.from_torch.passes.fold_affine_maps import fold_affine_maps
from edgeproof.converters.from_torch.passes.gather_prelu import gather_prelu
from edgeproof.converters.from_torch.passes.out_of_place import out_of_place
from edgeproof.converters.from_torch.passes.pad_for_max_pools import pad_for_max_pools
from edgeproof.converters.from_torch.passes.sink_permutations import sink_permutations

pytestmark = pytest.mark.torch
IMAGE = (2, 9, 8, 4)  # channels last


class Constants(nn.Module):
    """Numbers that a program carries, called a, b and so on."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        super().__init__()
        for name, tensor in zip("abcdef", tensors, strict=False):
            self.register_buffer(name, tensor)


def first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def kinds(program: Any) -> Counter[str]:
    return Counter(str(node.target).split(".")[1] for node in program.graph.nodes if node.op == "call_function")


def rewritten(rewrite: Callable[[Any], Any], function: Any, parts: Any, shape: tuple[int, ...]) -> Counter[str]:
    """The operators left, once it is shown that the outputs are the same."""
    torch.manual_seed(0)
    inputs = (torch.randn(shape),)
    program = exported(Flat(function, *parts), inputs)
    before = program.module()(*inputs)
    changed = rewrite(program)
    after = changed.module()(*inputs)
    assert [value.shape for value in before] == [value.shape for value in after]
    assert largest_difference(before, after) < 1e-6
    return kinds(changed)


def normed(conv: Any, c: Any, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = ((last(conv(first(x))) - c.a) * c.b + c.c).relu()
    return result


def padded(one: Any, two: Any, x: torch.Tensor) -> torch.Tensor:
    joined = torch.cat([last(one(first(x))), last(one(first(x * 2)))], -1)
    return last(two(first(functional.pad(joined, (0, 0, 1, 2, 0, 1)))))


SUNK: dict[str, tuple[Any, list[nn.Module], int]] = {
    "a norm and a convolution": (
        lambda one, two, c, x: last(two(first(normed(one, c, x)))),
        [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 5, 1), Constants(*torch.rand(3, 4))],
        2,
    ),
    "a residual": (
        lambda one, two, x: last(two(first(last(one(first(x))).relu() + last(one(first(x)))))),
        [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 5, 1)],
        3,
    ),
    "a global mean": (lambda one, x: last(one(first(x))).mean([1, 2]), [nn.Conv2d(4, 4, 3)], 1),
    "padding and joining": (padded, [nn.Conv2d(4, 4, 3), nn.Conv2d(8, 5, 2)], 3),
}


@pytest.mark.parametrize("name", SUNK)
def test_permutations_that_undo_each_other_disappear(name: str):
    function, parts, left = SUNK[name]
    assert rewritten(sink_permutations, function, parts, IMAGE)["permute"] == left


def test_permutations_stay_where_none_is_saved():
    program = exported(Flat(lambda x: first(x.relu()).reshape(2, -1)), (torch.randn(IMAGE),))
    assert sink_permutations(program) is program


def test_nodes_keep_their_names_for_recipes():
    function, parts, _ = SUNK["a norm and a convolution"]
    program = exported(Flat(function, *parts), (torch.randn(IMAGE),))
    computed = {node.name for node in program.graph.nodes if node.op == "call_function" and "permute" not in node.name}
    assert computed <= {node.name for node in sink_permutations(program).graph.nodes}


CHAINS: dict[str, tuple[Any, list[nn.Module], tuple[int, ...]]] = {
    "norm of an image": (
        lambda layer, c, x: (layer(x) - c.a) * c.b + c.c,
        [nn.Conv2d(3, 4, 3), Constants(*torch.rand(3, 1, 4, 1, 1))],
        (2, 3, 8, 8),
    ),
    "norm behind a linear layer": (
        lambda layer, c, x: c.c - (layer(x) - c.a) / c.b,
        [nn.Linear(3, 4, bias=False), Constants(*(torch.rand(3, 4) + 0.5))],
        (2, 7, 3),
    ),
    "numbers": (lambda layer, x: (2.0 * layer(x)) / 4.0 + 1, [nn.Conv1d(3, 4, 3)], (2, 3, 8)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_constants_behind_a_layer_go_into_it(name: str):
    function, parts, shape = CHAINS[name]
    assert sum(rewritten(fold_affine_maps, function, parts, shape).values()) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda layer, x: (y := layer(x)) * y,
        lambda layer, x: layer(x) + x.mean(),
        lambda layer, x: layer(x) + torch.arange(8.0),
        lambda layer, x: torch.stack([y := layer(x), y * 2]),
        lambda layer, x: torch.add(layer(x), 1.0, alpha=2),
    ],
)
def test_what_is_no_constant_of_a_channel_stays_behind_its_layer(function: Any):
    program = exported(Flat(function, nn.Conv2d(3, 4, 1)), (torch.randn(2, 3, 8, 8),))
    assert fold_affine_maps(program) is program


def test_a_dense_layer_becomes_linear_with_its_bias():
    parts = [Constants(torch.rand(5, 4), torch.rand(4))]
    left = rewritten(lambda p: fold_affine_maps(dense_as_linear(p)), lambda c, x: x @ c.a + c.b, parts, (2, 3, 5))
    assert left == {"linear": 1}
    assert rewritten(dense_as_linear, lambda c, x: torch.addmm(c.b, x, c.a), parts, (3, 5)) == {"linear": 1}


def test_products_of_activations_and_of_stacks_stay():
    function = lambda c, x: (x @ x.transpose(1, 2), x @ c.a)  # noqa: E731
    program = exported(Flat(function, Constants(torch.rand(2, 5, 4))), (torch.randn(2, 3, 5),))
    assert dense_as_linear(program) is program


@pytest.mark.parametrize(("slopes", "shape"), [((4, 1, 1), (2, 4, 5, 6)), ((4,), (7, 4)), ((1,), (2, 4, 5))])
def test_a_prelu_that_is_written_out_is_gathered(slopes: tuple[int, ...], shape: tuple[int, ...]):
    parts = [Constants(torch.rand(slopes) - 0.2)]
    for function in (lambda c, x: x.relu() + c.a * (-x).relu(), lambda c, x: (-x).relu() * c.a + x.relu()):
        assert rewritten(gather_prelu, function, parts, shape) == {"prelu": 1}


def test_a_slope_for_every_place_is_no_prelu():
    parts = [Constants(torch.rand(4, 5, 6))]
    left = rewritten(gather_prelu, lambda c, x: x.relu() + c.a * (-x).relu(), parts, (2, 4, 5, 6))
    assert left["prelu"] == 0


@pytest.mark.parametrize(("sides", "padded"), [((0, 1, 0, 1), True), ((1, 1, 0, 2), True), ((0, 3, 0, 1), False)])
def test_a_border_that_is_repeated_for_a_max_pool_is_a_constant(sides: tuple[int, ...], padded: bool):
    left = rewritten(
        pad_for_max_pools,
        lambda x: functional.max_pool2d(functional.pad(x, sides, "replicate"), 3, 2),
        [],
        (1, 2, 8, 8),
    )
    assert left == {("constant_pad_nd" if padded else "pad"): 1, "max_pool2d": 1}


def test_a_border_that_others_read_stays():
    def function(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = functional.pad(x, (0, 1, 0, 1), "replicate")
        return functional.max_pool2d(wide, 3, 2), wide

    program = exported(Flat(function), (torch.randn(1, 2, 8, 8),))
    assert pad_for_max_pools(program) is program


def test_in_place_operators_that_nobody_watches_give_new_tensors():
    left = rewritten(out_of_place, lambda x: (x - 1).mul_(2).add_(3).relu_(), [], (2, 3))
    assert left == {"sub": 1, "mul": 1, "add": 1, "relu": 1}


def watched(x: torch.Tensor) -> torch.Tensor:
    y = x - 1
    z = y.view(-1)
    y.mul_(2)
    return z


@pytest.mark.parametrize("function", [watched, lambda x: ((y := x + 1) * 3, y.mul_(2))])
def test_in_place_operators_that_somebody_sees_stay(function: Any):
    program = exported(Flat(function), (torch.randn(2, 3),))
    assert kinds(out_of_place(program))["mul_"] == 1

"""Batch norms go into the layer before them, and the results stay."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.from_torch.passes.fold_batch_norms import fold_batch_norms

pytestmark = pytest.mark.torch
NORM = torch.ops.aten.batch_norm.default


def trained(norm: Any) -> Any:
    """As after training: nothing is zero or one."""
    with torch.no_grad():
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            if value is not None:
                value.uniform_(0.2, 3)
    return norm


LAYERS = {
    "conv1d": (nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), (2, 4, 9)),
    "conv2d without bias": (nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6), (2, 4, 9, 8)),
    "conv2d in groups": (nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (2, 4, 9, 8)),
    "conv2d same": (nn.Conv2d(4, 6, 4, padding="same"), nn.BatchNorm2d(6), (2, 4, 9, 8)),
    "conv3d": (nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3), (2, 2, 4, 5, 6)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), (2, 4, 5, 6)),
    "transposed in groups": (nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (2, 4, 5, 6)),
    "linear": (nn.Linear(4, 6), nn.BatchNorm1d(6), (5, 4)),
    "not affine": (nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False), (2, 4, 9, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_norm_disappears_and_the_result_stays(name: str):
    layer, norm, shape = LAYERS[name]
    inputs = (torch.randn(shape),)
    program = exported(Flat(lambda one, two, x: two(one(x)), layer, trained(norm)), inputs)
    folded = fold_batch_norms(program)
    assert not folded.graph.find_nodes(op="call_function", target=NORM)
    assert largest_difference(program.module()(*inputs), folded.module()(*inputs)) < 1e-6


def both(one: Any, two: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    between = one(x)
    return two(between), between


STAY = {
    "its layer's result is used elsewhere": (both, nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), (2, 4, 9, 8)),
    "an activation stands between": (
        lambda one, two, x: two(one(x).relu()),
        nn.Conv2d(4, 6, 3),
        nn.BatchNorm2d(6),
        (2, 4, 9, 8),
    ),
    "a linear layer's channels are its last axis": (
        lambda one, two, x: two(one(x)),
        nn.Linear(4, 6),
        nn.BatchNorm1d(3),
        (5, 3, 4),
    ),
}


@pytest.mark.parametrize("why", STAY)
def test_a_norm_that_cannot_be_folded_stays(why: str):
    function, layer, norm, shape = STAY[why]
    program = exported(Flat(function, layer, trained(norm)), (torch.randn(shape),))
    assert fold_batch_norms(program) is program

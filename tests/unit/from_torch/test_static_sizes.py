"""Programs with open sizes are fixed at sizes that tell the open ones from all others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recurrent_models import FEATURES, exported_whole, flat, layer
from torch.export import Dim, ExportedProgram
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.static_sizes import (
    EVEN,
    MIXED,
    ODD,
    at_sizes,
    has_open_sizes,
    largest_sizes,
    sizes_to_compare,
    smallest_sizes,
)

pytestmark = pytest.mark.torch


def program(low: int, high: int, features: int = 3) -> ExportedProgram:
    dims: Any = (({0: Dim("batch", min=low, max=high)},),)
    return exported(Flat(lambda x: x * 2), (torch.randn(max(low, 2), features),), dims)


def compared(made: ExportedProgram, remainders: tuple[int, ...]) -> list[int]:
    return [size for sizes in sizes_to_compare(made, remainders) for size in sizes.values()]


@pytest.mark.parametrize(
    ("bounds", "remainders", "expected"),
    [
        ((1, 8), MIXED, [6, 5, 8]),
        ((1, 8), EVEN, [6, 8, 2]),
        ((1, 8), ODD, [5, 7, 3]),
        ((1, 512), MIXED, [6, 37, 24]),
        ((100, 300), ODD, [101, 131, 109]),
        ((2, 4), MIXED, [2, 3, 4]),
        ((1, 3), MIXED, [2, 3]),
        ((1, 2), MIXED, [1, 2]),
    ],
)
def test_sizes_lie_within_the_bounds_and_far_from_each_other(
    bounds: tuple[int, int], remainders: tuple[int, ...], expected: list[int]
):
    assert compared(program(*bounds), remainders) == expected


def test_sizes_that_the_program_has_anyway_are_avoided():
    assert 5 not in compared(program(1, 8, features=5), MIXED)
    dims: Any = (({0: Dim("batch", min=1, max=8), 1: Dim("time", min=1, max=8)},),)
    made = exported(Flat(lambda x: x * 2), (torch.randn(2, 3),), dims)
    assert all(len(set(sizes.values())) == 2 for sizes in sizes_to_compare(made, MIXED))


def test_the_fixed_program_computes_the_same_and_tells_its_lines():
    made = program(2, 8)
    fixed = at_sizes(made, largest_sizes(made))
    x = torch.randn(8, 3)
    assert not has_open_sizes(fixed)
    assert torch.equal(fixed.module()(x)[0], x * 2)
    assert "in forward" in next(node.meta["stack_trace"] for node in fixed.graph.nodes if node.op == "call_function")
    assert list(smallest_sizes(made).values()) == [2]


def test_recurrent_layers_stay_whole():
    dims: Any = (({0: Dim("batch", min=1, max=8), 1: Dim("time", min=2, max=500)},),)
    made = exported_whole(flat(layer("gru", batch_first=True)), (torch.randn(2, 5, FEATURES),), dims)
    targets = [node.target for node in at_sizes(made, largest_sizes(made)).graph.nodes]
    assert targets.count(torch.ops.aten.gru.input) == 1

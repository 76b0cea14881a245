"""Constants: folded, kept apart from what changes, and never larger than they need to be."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference, run_executorch, upstream_executorch

from edgeproof.converters.from_torch.passes.aliases import changed_in_place
from edgeproof.converters.from_torch.passes.drop_layout_clones import drop_layout_clones
from edgeproof.converters.from_torch.passes.fold_constants import fold_constants

pytestmark = pytest.mark.torch


class KernelMadeInTheGraph(nn.Module):
    """As a Keras layer under the torch backend: its kernel is stored height, width, in, out."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3, 3, 4, 6))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (nn.functional.conv2d(x, self.kernel.permute(3, 2, 0, 1)),)


def test_a_kernel_made_in_the_graph_stays_outside_xnnpack_until_it_is_folded():
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(KernelMadeInTheGraph(), inputs)
    assert b"aten::convolution" in upstream_executorch(program)
    folded = fold_constants(program)
    payload = upstream_executorch(folded)
    assert b"aten::convolution" not in payload
    assert largest_difference(program.module()(*inputs), run_executorch(payload, inputs)) < 1e-6


def test_what_was_folded_is_forgotten():
    folded = fold_constants(exported(KernelMadeInTheGraph(), (torch.randn(2, 4, 9, 7),)))
    assert list(folded.state_dict) == []
    assert [value.shape for value in folded.constants.values()] == [(6, 4, 3, 3)]


def test_random_numbers_are_drawn_at_every_call():
    program = exported(Flat(lambda x: x + torch.rand(3)), (torch.randn(3),))
    assert "rand" in str(fold_constants(program).graph)


def test_a_buffer_that_the_model_changes_is_no_constant():
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            self.count.add_(1)
            return (x + self.count * 2,)

    program = exported(Counting(), (torch.randn(3),))
    assert fold_constants(program) is program


def test_what_is_written_to_through_a_view_counts_as_changed():
    def scribble(x: torch.Tensor) -> torch.Tensor:
        room = torch.zeros(2, 3)
        room[0].copy_(x)
        return room + x

    program = exported(Flat(scribble), (torch.randn(3),))
    changed = {str(node.target) for node in changed_in_place(program.graph)}
    assert "aten.zeros.default" in changed
    folded = fold_constants(program)
    assert largest_difference(program.module()(torch.ones(3)), folded.module()(torch.ones(3))) == 0


def test_a_small_constant_is_not_blown_up():
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.row = nn.Parameter(torch.randn(1, 8))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (x + (self.row * 2).repeat(100_000, 1),)

    folded = fold_constants(exported(Wide(), (torch.randn(100_000, 8),)))
    assert sum(value.numel() for value in folded.constants.values()) == 8


def test_a_layout_copy_cuts_the_delegated_graph_until_it_is_dropped():
    model = Flat(lambda one, x: one(x.contiguous(memory_format=torch.channels_last)).relu(), nn.Conv2d(4, 6, 3))
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(model, inputs)
    assert b"dim_order" in upstream_executorch(program)
    payload = upstream_executorch(drop_layout_clones(program))
    assert b"dim_order" not in payload
    assert largest_difference(program.module()(*inputs), run_executorch(payload, inputs)) < 1e-6


def test_a_copy_that_is_changed_afterwards_stays():
    def scribble(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mine = x.clone()
        mine.add_(1)
        return mine, x * 2

    program = exported(Flat(scribble), (torch.randn(3),))
    x = torch.randn(3)
    assert largest_difference(program.module()(x), drop_layout_clones(program).module()(x)) == 0


def test_an_input_that_goes_straight_out_is_still_copied():
    program = exported(Flat(lambda x: (x.clone(), x + 1)), (torch.randn(3),))
    assert "clone" in str(drop_layout_clones(program).graph)


def test_a_view_that_relied_on_the_layout_still_works():
    model = Flat(lambda x: x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).view(2, -1) + 1)
    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(model, inputs)
    assert largest_difference(program.module()(*inputs), drop_layout_clones(program).module()(*inputs)) == 0

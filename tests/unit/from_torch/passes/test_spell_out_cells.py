"""Recurrent cells are written out, and the results stay."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.from_torch.passes.spell_out_cells import spell_out_cells
from edgeproof.converters.from_torch.recurrent_shapes import quick_recurrent_cells

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_a_cell_becomes_two_linear_layers(kind: Any, bias: bool):
    torch.manual_seed(0)
    cell = kind(5, 4, bias=bias)
    states = 2 if kind is nn.LSTMCell else 1
    inputs = (torch.randn(3, 5), *(torch.randn(3, 4) for _ in range(states)))
    function = lambda cell, x, *state: cell(x, state if states == 2 else state[0])  # noqa: E731
    with quick_recurrent_cells():
        program = exported(Flat(function, cell), inputs)
    changed = spell_out_cells(program)
    targets = [str(node.target) for node in changed.graph.nodes]
    assert targets.count("aten.linear.default") == 2
    assert not any("cell" in target for target in targets)
    assert {"linear"} == {
        str(node.target).split(".")[1] for node in changed.graph.nodes if node.name.endswith("_state")
    }
    assert largest_difference(program.module()(*inputs), changed.module()(*inputs)) < 1e-6


def test_a_program_without_cells_is_itself():
    program = exported(Flat(lambda layer, x: layer(x), nn.Linear(5, 4)), (torch.randn(3, 5),))
    assert spell_out_cells(program) is program

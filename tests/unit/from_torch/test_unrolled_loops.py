"""A loop of cells that has to stay unrolled is announced, and refused beyond a bound."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_torch.passes.reroll_cells import reroll_cells
from edgeproof.converters.from_torch.recurrent_shapes import quick_recurrent_cells
from edgeproof.converters.from_torch.unrolled_loops import told_unrolled

pytestmark = pytest.mark.torch


def feeding_itself(steps: int) -> torch.export.ExportedProgram:
    def call(cell: nn.GRUCell, x: torch.Tensor) -> torch.Tensor:
        hidden = x
        for _ in range(steps):
            hidden = cell(torch.relu(hidden), hidden)
        return hidden

    with quick_recurrent_cells():
        return reroll_cells(exported(Flat(call, nn.GRUCell(6, 6)), (torch.randn(2, 6),)))


def test_a_cell_that_feeds_itself_is_announced():
    (note,) = told_unrolled(feeding_itself(5))
    assert note.startswith("4 steps of a recurrent cell (")
    assert "stay unrolled" in note


def test_too_many_steps_are_refused():
    program = feeding_itself(9)
    with pytest.raises(ConversionError, match="at most 7 are unrolled"):
        told_unrolled(program, at_most=7)
    assert told_unrolled(program, at_most=None)


def test_a_whole_loop_needs_no_note():
    def call(cell: nn.GRUCell, x: torch.Tensor) -> torch.Tensor:
        hidden = None
        for step in x.unbind(1):
            hidden = cell(step, hidden)
        return hidden

    program = exported(Flat(call, nn.GRUCell(4, 6)), (torch.randn(2, 9, 4),))
    assert told_unrolled(program)
    assert not told_unrolled(reroll_cells(program))

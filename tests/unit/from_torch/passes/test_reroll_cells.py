"""Cells that a Python loop calls step after step become one layer, and what cannot stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference

from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_nodes
from edgeproof.converters.from_torch.passes.reroll_cells import cells_in_chains, reroll_cells

pytestmark = pytest.mark.torch
CLOSE = 2e-6
STEPS = 7


def lstm_over_columns(cell: nn.LSTMCell, x: torch.Tensor) -> list[torch.Tensor]:
    state = (torch.zeros(x.shape[0], 6), torch.ones(x.shape[0], 6))
    outputs = []
    for time in range(x.shape[1]):
        state = cell(x[:, time], state)
        outputs.append(state[0])
    return [torch.stack(outputs, 1), *state]


def gru_both_ways(forward: nn.GRUCell, backward: nn.GRUCell, x: torch.Tensor) -> list[torch.Tensor]:
    there, back, hidden = [], [], None
    for step in x.unbind(1):
        hidden = forward(step, hidden)
        there.append(hidden)
    own = None
    for time in reversed(range(x.shape[1])):
        own = backward(x[:, time], own)
        back.insert(0, own)
    return [torch.cat([torch.stack(there, 1), torch.stack(back, 1)], -1), hidden]


def two_cells_and_a_head(
    embedding: nn.Embedding, first: nn.RNNCell, second: nn.RNNCell, head: nn.Linear, tokens: torch.Tensor
) -> list[torch.Tensor]:
    one = two = torch.zeros(tokens.shape[0], 6)
    outputs = []
    for time in range(tokens.shape[1]):
        one = first(embedding(tokens[:, time]), one)
        two = second(torch.relu(one) + one, two)
        outputs.append(torch.softmax(head(two), -1))
    return [torch.stack(outputs), two]


def time_first_by_split(cell: nn.GRUCell, x: torch.Tensor) -> list[torch.Tensor]:
    hidden, outputs = None, []
    for piece in x.transpose(0, 1).split(1, 0):
        hidden = cell(piece.squeeze(0), hidden)
        outputs.append(hidden.unsqueeze(0))
    return [torch.cat(outputs, 0)]


LOOPS: dict[str, tuple[Callable[..., Any], list[nn.Module], int]] = {
    "lstm over columns": (lstm_over_columns, [nn.LSTMCell(4, 6)], 1),
    "gru both ways": (gru_both_ways, [nn.GRUCell(4, 6), nn.GRUCell(4, 6, bias=False)], 2),
    "two cells and a head": (
        two_cells_and_a_head,
        [nn.Embedding(9, 4), nn.RNNCell(4, 6), nn.RNNCell(6, 6, nonlinearity="relu"), nn.Linear(6, 3)],
        2,
    ),
    "time first by split": (time_first_by_split, [nn.GRUCell(4, 6)], 1),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_over_time_becomes_a_layer_for_each_cell(name: str):
    function, parts, layers = LOOPS[name]
    module = Flat(function, *parts)
    tokens = isinstance(parts[0], nn.Embedding)
    x = torch.randint(0, 9, (2, STEPS)) if tokens else torch.randn(2, STEPS, 4)
    program = exported(module, (x,))
    rerolled = reroll_cells(program)
    assert len(cells_in_chains(program)) == layers * (STEPS - 1)
    assert not cells_in_chains(rerolled)
    assert len(list(recurrent_nodes(rerolled.graph))) == layers
    assert largest_difference(module(x), rerolled.module()(x)) < CLOSE


@pytest.mark.parametrize("name", LOOPS)
def test_the_program_does_not_grow_with_the_number_of_steps(name: str):
    function, parts, _ = LOOPS[name]
    tokens = isinstance(parts[0], nn.Embedding)
    sizes = set()
    for steps in (9, 16):
        x = torch.randint(0, 9, (2, steps)) if tokens else torch.randn(2, steps, 4)
        sizes.add(len(reroll_cells(exported(Flat(function, *parts), (x,))).graph.nodes))
    assert len(sizes) == 1


def test_a_chain_ends_where_its_inner_state_is_used():
    def call(cell: nn.LSTMCell, x: torch.Tensor) -> list[torch.Tensor]:
        state, kept = (torch.zeros(2, 6), torch.zeros(2, 6)), []
        for time, step in enumerate(x.unbind(0)):
            state = cell(step, state)
            if time == 2:
                kept.append(state[1])
        return [*state, *kept]

    module, x = Flat(call, nn.LSTMCell(4, 6)), torch.randn(STEPS, 2, 4)
    rerolled = reroll_cells(exported(module, (x,)))
    assert len(list(recurrent_nodes(rerolled.graph))) == 2
    assert largest_difference(module(x), rerolled.module()(x)) < CLOSE


def test_a_cell_that_feeds_itself_stays_and_is_counted():
    def call(cell: nn.GRUCell, x: torch.Tensor) -> torch.Tensor:
        hidden = x
        for _ in range(STEPS):
            hidden = cell(hidden, hidden)
        return hidden

    program = exported(Flat(call, nn.GRUCell(6, 6)), (torch.randn(2, 6),))
    assert reroll_cells(program) is program
    assert len(cells_in_chains(program)) == STEPS - 1


def test_one_call_of_a_cell_is_no_loop():
    program = exported(Flat(lambda cell, x: cell(x), nn.GRUCell(4, 6)), (torch.randn(2, 4),))
    assert reroll_cells(program) is program

"""torch's LSTM, GRU and RNN as a scan over their steps, for sequences of dynamic length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .scanning import scan

Cell = Callable[[Sequence[Tensor], Tensor, Tensor], list[Tensor]]  # state, input part, hidden part


def scanned_layer(kind: str, x: Tensor, first: Sequence[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
    """The outputs of torch.lstm, gru, rnn_tanh or rnn_relu (one layer, steps first): y and the last states.

    `first` and the last states are (directions, batch, hidden); `weights` are torch's flat weights.
    """
    directions = int(first[0].shape[0])
    count = len(weights) // directions
    ys: list[Tensor] = []
    finals: list[list[Tensor]] = []
    for index in range(directions):
        own = weights[index * count : (index + 1) * count]
        rows = torch.flip(x, [0]) if index else x
        final, y = _direction(kind, rows, [state[index] for state in first], own)
        ys.append(torch.flip(y, [0]) if index else y)
        finals.append(final)
    return (torch.cat(ys, -1), *(torch.stack(list(states)) for states in zip(*finals, strict=True)))


def _direction(kind: str, rows: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    w_in, w_hidden, *biases = weights
    projected = functional.linear(rows, w_in, biases[0] if biases else None)
    cell, count = _CELLS[kind], len(state)

    def step(*operands: Tensor) -> list[Tensor]:
        past = functional.linear(operands[0], *operands[count + 1 :])
        new = cell(operands[:count], operands[count], past)
        return [*new, new[0].clone()]

    final, (y,) = scan(step, state, [projected], [w_hidden, *biases[1:]])
    return final, y


def _lstm(state: Sequence[Tensor], row: Tensor, past: Tensor) -> list[Tensor]:
    i, f, g, o = (row + past).chunk(4, -1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def _gru(state: Sequence[Tensor], row: Tensor, past: Tensor) -> list[Tensor]:
    r_in, z_in, n_in = row.chunk(3, -1)
    r_past, z_past, n_past = past.chunk(3, -1)
    z = torch.sigmoid(z_in + z_past)
    n = torch.tanh(n_in + torch.sigmoid(r_in + r_past) * n_past)
    return [(1 - z) * n + z * state[0]]


def _tanh(state: Sequence[Tensor], row: Tensor, past: Tensor) -> list[Tensor]:
    del state
    return [torch.tanh(row + past)]


def _relu(state: Sequence[Tensor], row: Tensor, past: Tensor) -> list[Tensor]:
    del state
    return [functional.relu(row + past)]


_CELLS: dict[str, Cell] = {"GRU": _gru, "LSTM": _lstm, "relu": _relu, "tanh": _tanh}

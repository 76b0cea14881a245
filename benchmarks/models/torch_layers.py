"""Recurrent PyTorch layers over a sequence of any length, with seeded weights: layer(kind, steps)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WIDTH, _STATE = 64, 128


class Loop(nn.Module):
    """A cell called once per step in a Python loop."""

    def __init__(self, cell: nn.LSTMCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, sequence: Tensor) -> Tensor:
        """(n, steps, 64) to (n, steps, 128)."""
        hidden = cell = sequence.new_zeros(sequence.shape[0], _STATE)
        outputs = []
        for step in range(sequence.shape[1]):
            hidden, cell = self.cell(sequence[:, step], (hidden, cell))
            outputs.append(hidden)
        return torch.stack(outputs, dim=1)


def layer(kind: str, steps: int) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """lstm, gru, rnn, bilstm (two layers in both directions) or cells (an LSTMCell in a loop), and one sequence."""
    torch.manual_seed(0)
    made: dict[str, nn.Module] = {
        "lstm": nn.LSTM(_WIDTH, _STATE, batch_first=True),
        "gru": nn.GRU(_WIDTH, _STATE, batch_first=True),
        "rnn": nn.RNN(_WIDTH, _STATE, batch_first=True),
        "bilstm": nn.LSTM(_WIDTH, _STATE, num_layers=2, bidirectional=True, batch_first=True),
        "cells": Loop(nn.LSTMCell(_WIDTH, _STATE)),
    }
    return made[kind], (torch.randn(1, steps, _WIDTH),)

"""LSTM, GRU and RNN that torch's own layers cannot compute, as a scan over the steps.

The plain ones never come here: `expanding.py` turns them into aten's lstm, gru and rnn. Formulas,
gate orders and defaults are those of the ONNX operator pages of LSTM, GRU and RNN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import UnsupportedOperators
from ..graph import Node
from .calling import Operator, on_tensors
from .cells import CELLS, Activation, activations_of
from .scanning import scan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Direction:
    """One direction of a layer: its weights, activations, first state and the way it reads."""

    weights: tuple[Tensor, ...]
    activations: list[Activation]
    state: list[Tensor]
    backwards: bool


def recurrent(node: Node, *inputs: Tensor | None) -> tuple[Tensor, ...]:
    """LSTM, GRU or RNN: inputs X, W, R, B, sequence_lens, initial_h, and for LSTM initial_c, P."""
    x, w, r, b, lengths, h, c, peep = [*inputs, *[None] * 8][:8]
    if x is None or w is None or r is None:
        raise UnsupportedOperators(
            f"{node.op_type} {node.name!r} has no input or no weights",
            fix="export the model again: its graph is damaged",
        )
    batch_first = bool(node.integer("layout", 0))
    x = x.transpose(0, 1) if batch_first else x
    states = [_first_state(h, x, r, batch_first), _first_state(c, x, r, batch_first)]
    states = states if node.op_type == "LSTM" else states[:1]
    direction = node.text("direction", "forward")
    ys: list[Tensor] = []
    finals: list[list[Tensor]] = []
    for index in range(w.shape[0]):
        bias = torch.zeros_like(w[index, :, 0]).repeat(2) if b is None else b[index]
        weights = (w[index], r[index], bias) if peep is None else (w[index], r[index], bias, peep[index])
        one = _Direction(
            weights=weights,
            activations=activations_of(node, index),
            state=[state[index] for state in states],
            backwards=direction == "reverse" or index == 1,
        )
        y, final = _run(node, one, x, lengths)
        ys.append(y)
        finals.append(final)
    outputs = [torch.stack(ys, 1), *(torch.stack(list(parts), 0) for parts in zip(*finals, strict=True))]
    if batch_first:
        outputs = [outputs[0].permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in outputs[1:])]
    return tuple(outputs)


def _first_state(given: Tensor | None, x: Tensor, r: Tensor, batch_first: bool) -> Tensor:  # noqa: FBT001
    if given is None:
        return torch.zeros((r.shape[0], x.shape[1], r.shape[2]), dtype=x.dtype, device=x.device)
    return given.transpose(0, 1) if batch_first else given


def _run(node: Node, one: _Direction, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    w, r, bias, *peep = one.weights
    rows = _turned(x, lengths) if one.backwards else x
    projected = functional.linear(rows, w)  # for all steps at once: only the recurrent part needs the loop
    cell = CELLS[node.op_type](node, one.activations)
    fixed = (r, bias, *peep)
    count = len(one.state)
    if lengths is None:
        final, outputs = scan(_plain_step(cell, count), one.state, [projected], fixed)
    else:
        steps = torch.arange(x.shape[0], device=x.device).unsqueeze(1)
        alive = (steps < lengths).unsqueeze(2)
        final, outputs = scan(_masked_step(cell, count), one.state, [projected, alive], fixed)
    y = outputs[0]
    return (_turned(y, lengths) if one.backwards else y), final


def _plain_step(cell: Callable[..., list[Tensor]], count: int) -> Callable[..., list[Tensor]]:
    def step(*operands: Tensor) -> list[Tensor]:
        state = cell(operands[:count], operands[count], *operands[count + 1 :])
        return [*state, state[0].clone()]

    return step


def _masked_step(cell: Callable[..., list[Tensor]], count: int) -> Callable[..., list[Tensor]]:
    """A step that keeps the state and gives zeros once a row of the batch has ended."""

    def step(*operands: Tensor) -> list[Tensor]:
        old, row, alive = operands[:count], operands[count], operands[count + 1]
        new = cell(old, row, *operands[count + 2 :])
        state = [torch.where(alive, one, other) for one, other in zip(new, old, strict=True)]
        return [*state, torch.where(alive, new[0], torch.zeros_like(new[0]))]

    return step


def _turned(rows: Tensor, lengths: Tensor | None) -> Tensor:
    """Steps (axis 0) backwards, for every row of the batch (axis 1) within its own length."""
    if lengths is None:
        return torch.flip(rows, [0])
    line = torch.arange(rows.shape[0], device=rows.device).unsqueeze(1)
    places = torch.where(line < lengths, lengths - 1 - line, line)
    return torch.gather(rows, 0, places.unsqueeze(2).expand(rows.shape))


OPERATORS: dict[str, Operator] = {name: on_tensors(recurrent) for name in ("LSTM", "GRU", "RNN")}

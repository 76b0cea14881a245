"""One direction of one recurrent layer as a scan: the input's projection at once, the recurrent part as the body.

Formulas are those of torch.nn.LSTM, GRU and RNN; W are the rows of `weight_ih`, U those of `weight_hh`:

    LSTM  i, f, g, o = W x + b_ih + U h + b_hh;  c' = s(f) c + s(i) tanh(g);  h' = P (s(o) tanh(c'))
    GRU   r, z, n = W x + b_ih;  p, q, m = U h + b_hh
          n' = tanh(n + s(r + p) m);  h' = n' + s(z + q) (h - n')
    RNN   h' = tanh or relu of (W x + b_ih + U h + b_hh)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from .node_writer import NodeWriter, ProgramEdit

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights of one direction; `projection` is an LSTM's weight_hr, if it has one."""

    input: fx.Node
    recurrent: fx.Node
    input_bias: fx.Node | None = None
    recurrent_bias: fx.Node | None = None
    projection: fx.Node | None = None


Step = Callable[[NodeWriter, Sequence[fx.Node], fx.Node, Sequence[fx.Node]], list[fx.Node]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of recurrent layer: its step, and whether both biases may be added before the loop."""

    step: Step
    biases_outside: bool


def lstm_step(w: NodeWriter, state: Sequence[fx.Node], x: fx.Node, weights: Sequence[fx.Node]) -> list[fx.Node]:
    """New h and c from h and c; x is projected, `weights` are U and perhaps P, transposed."""
    hidden, cell = state
    gates = w.call(_aten.add.Tensor, w.call(_aten.mm.default, hidden, weights[0]), x)
    update, forget, candidate, output = _split(w, gates, 4)
    kept = w.call(_aten.mul.Tensor, w.call(_aten.sigmoid.default, forget), cell)
    added = w.call(_aten.mul.Tensor, w.call(_aten.sigmoid.default, update), w.call(_aten.tanh.default, candidate))
    new_cell = w.call(_aten.add.Tensor, kept, added)
    shown = w.call(_aten.tanh.default, new_cell)
    new_hidden = w.call(_aten.mul.Tensor, w.call(_aten.sigmoid.default, output), shown)
    if len(weights) > 1:
        new_hidden = w.call(_aten.mm.default, new_hidden, weights[1])
    return [new_hidden, new_cell]


def gru_step(w: NodeWriter, state: Sequence[fx.Node], x: fx.Node, weights: Sequence[fx.Node]) -> list[fx.Node]:
    """New h from h; x is projected with its bias, `weights` are U transposed and perhaps b_hh."""
    (hidden,) = state
    recurrent = w.call(_aten.mm.default, hidden, weights[0])
    if len(weights) > 1:
        recurrent = w.call(_aten.add.Tensor, recurrent, weights[1])
    reset, update, candidate = _split(w, x, 3)
    own_reset, own_update, own_candidate = _split(w, recurrent, 3)
    gate = w.call(_aten.sigmoid.default, w.call(_aten.add.Tensor, reset, own_reset))
    keep = w.call(_aten.sigmoid.default, w.call(_aten.add.Tensor, update, own_update))
    inner = w.call(_aten.add.Tensor, candidate, w.call(_aten.mul.Tensor, gate, own_candidate))
    new = w.call(_aten.tanh.default, inner)
    rest = w.call(_aten.mul.Tensor, keep, w.call(_aten.sub.Tensor, hidden, new))
    return [w.call(_aten.add.Tensor, new, rest)]


def _rnn_step(activation: Any) -> Step:
    def step(w: NodeWriter, state: Sequence[fx.Node], x: fx.Node, weights: Sequence[fx.Node]) -> list[fx.Node]:
        recurrent = w.call(_aten.mm.default, state[0], weights[0])
        return [w.call(activation, w.call(_aten.add.Tensor, recurrent, x))]

    return step


LSTM = Kind(step=lstm_step, biases_outside=True)
GRU = Kind(step=gru_step, biases_outside=False)
RNN_TANH = Kind(step=_rnn_step(_aten.tanh.default), biases_outside=True)
RNN_RELU = Kind(step=_rnn_step(_aten.relu.default), biases_outside=True)


def _split(w: NodeWriter, gates: fx.Node, count: int) -> list[fx.Node]:
    width = gates.meta["val"].shape[-1] // count
    return w.items(w.call(_aten.split.Tensor, gates, width, -1))


def write_direction(
    edit: ProgramEdit, w: NodeWriter, kind: Kind, inputs: tuple[fx.Node, Sequence[fx.Node], Weights], *, reverse: bool
) -> tuple[fx.Node, list[fx.Node]]:
    """Write one direction of one layer.

    `inputs` are the sequence [time, batch, features], the initial states [batch, width] (h, or h and c) and the
    weights. Gives the sequence of hidden states [time, batch, width], in the order of time also when `reverse`,
    and the last states.
    """
    sequence, states, weights = inputs
    if reverse:
        sequence = w.call(_aten.flip.default, sequence, [0])
    bias = weights.input_bias
    if bias is not None and weights.recurrent_bias is not None and kind.biases_outside:
        bias = w.call(_aten.add.Tensor, bias, weights.recurrent_bias)
    projected = w.call(_aten.linear.default, sequence, weights.input, bias)
    inside = _weights_inside(w, kind, weights)
    if projected.meta["val"].shape[0] == 1:
        one = kind.step(w, states, w.call(_aten.select.int, projected, 0, 0), inside)
        return w.call(_aten.unsqueeze.default, one[0], 0), one
    last, outputs = _write_scan(edit, w, kind, (states, projected, inside))
    return (w.call(_aten.flip.default, outputs, [0]) if reverse else outputs), last


def _weights_inside(w: NodeWriter, kind: Kind, weights: Weights) -> list[fx.Node]:
    """What the body needs, transposed here: once, and where constant folding finds it."""
    matrices = [weights.recurrent] if weights.projection is None else [weights.recurrent, weights.projection]
    inside = [
        w.call(_aten.clone.default, w.call(_aten.t.default, matrix), memory_format=torch.contiguous_format)
        for matrix in matrices
    ]
    if weights.recurrent_bias is not None and not kind.biases_outside:
        inside.append(weights.recurrent_bias)
    return inside


def _write_scan(
    edit: ProgramEdit, w: NodeWriter, kind: Kind, operands: tuple[Sequence[fx.Node], fx.Node, Sequence[fx.Node]]
) -> tuple[list[fx.Node], fx.Node]:
    states, sequence, weights = operands
    body = _body(w, kind, operands)
    values = [node.meta["val"] for node in (*states, sequence, *weights)]
    time = values[len(states)].shape[0]
    outputs = [w.empty(state.shape, state) for state in values[: len(states)]]
    outputs.append(w.empty((time, *values[0].shape), values[0]))
    scan = w.call_for(
        tuple(outputs), torch.ops.higher_order.scan, edit.add_body(body), list(states), [sequence], tuple(weights)
    )
    *last, hidden = w.items(scan)
    return last, hidden


def _body(w: NodeWriter, kind: Kind, operands: tuple[Sequence[fx.Node], fx.Node, Sequence[fx.Node]]) -> fx.GraphModule:
    """(states..., x of one step, weights...) -> [new states..., the new hidden state once more]."""
    states, sequence, weights = operands
    inner = NodeWriter(fx.Graph(), w.fake_mode)
    inner.provenance = w.provenance
    values = [inner.empty(node.meta["val"].shape, node.meta["val"]) for node in states]
    carried = [inner.placeholder(f"state_{position}", value) for position, value in enumerate(values)]
    whole = sequence.meta["val"]
    x = inner.placeholder("x", inner.empty(whole.shape[1:], whole))
    fixed = [
        inner.placeholder(f"weight_{position}", inner.empty(node.meta["val"].shape, node.meta["val"]))
        for position, node in enumerate(weights)
    ]
    new = kind.step(inner, carried, x, fixed)
    # A loop may not hand out one tensor twice, so the output is a copy of the state.
    inner.graph.output([*new, inner.call(_aten.clone.default, new[0])])
    return fx.GraphModule(torch.nn.Module(), inner.graph)

"""Recurrent layers that torch computes whole, after `expanding.py` has put their weights in torch's order.

torch 2.13 exports aten's layers for one number of steps only: with a dynamic one they become a scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..graph import Node
from .calling import Operator, Results, on_tensors
from .scanned_layers import scanned_layer

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # ONNX: iofc, zrh; torch: ifco, rzh


def torch_weights(node: Node, w: Tensor, r: Tensor, b: Tensor | None = None) -> tuple[Tensor, ...]:
    """Per direction: input weights, hidden weights, and with a bias both of its halves."""
    order = _GATES[node.text("layer", "LSTM")]
    result: list[Tensor] = []
    for index in range(w.shape[0]):
        matrices = [w[index], r[index]]
        vectors = [] if b is None else list(b[index].chunk(2))
        result += [_reordered(part, order) for part in (*matrices, *vectors)]
    return tuple(result)


def _reordered(weight: Tensor, order: tuple[int, ...]) -> Tensor:
    gates = weight.chunk(len(order), 0)
    return torch.cat([gates[index] for index in order], 0)


def whole_layer(node: Node, x: Tensor, h: Tensor | None, c: Tensor | None, *weights: Tensor) -> Results:
    """Aten's lstm, gru, rnn_tanh or rnn_relu; a lone reverse direction reads its steps backwards."""
    direction = node.text("direction", "forward")
    batch_first = bool(node.integer("layout", 0))
    x = x.transpose(0, 1) if batch_first else x
    x = torch.flip(x, [0]) if direction == "reverse" else x
    both = direction == "bidirectional"
    hidden = weights[1].shape[1]
    first = [_first(given, x, (2 if both else 1, x.shape[1], hidden), batch_first) for given in (h, c)]
    kind = node.text("activation", "tanh") if node.text("layer", "LSTM") == "RNN" else node.text("layer", "LSTM")
    steps: Any = x.shape[0]
    if isinstance(steps, torch.SymInt):
        y, *last = scanned_layer(kind, x, first[: 2 if kind == "LSTM" else 1], list(weights))
    else:
        y, *last = _of_torch(kind, x, first, list(weights), both)
    y = torch.flip(y, [0]) if direction == "reverse" else y
    y = y.reshape(y.shape[0], y.shape[1], 2 if both else 1, hidden)
    if batch_first:
        return (y.transpose(0, 1), *(state.transpose(0, 1) for state in last))
    return (y.transpose(1, 2), *last)


def _of_torch(kind: str, x: Tensor, first: list[Tensor], weights: list[Tensor], both: bool) -> Sequence[Tensor]:  # noqa: FBT001
    options = (weights, len(weights) == (8 if both else 4), 1, 0.0, False, both, False)
    if kind == "LSTM":
        return torch.lstm(x, first, *options)
    functions = {"GRU": torch.gru, "tanh": torch.rnn_tanh, "relu": torch.rnn_relu}
    return functions[kind](x, first[0], *options)


def _first(given: Tensor | None, x: Tensor, sizes: tuple[int, ...], batch_first: bool) -> Tensor:  # noqa: FBT001
    if given is None:
        return torch.zeros(sizes, dtype=x.dtype, device=x.device)
    return given.transpose(0, 1) if batch_first else given


OPERATORS: dict[str, Operator] = {
    "edgeproof.TorchWeights": on_tensors(torch_weights),
    "edgeproof.WholeLayer": on_tensors(whole_layer),
}

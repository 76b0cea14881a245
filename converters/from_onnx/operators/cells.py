"""One step of LSTM, GRU and RNN with any activation, clipping and peepholes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import UnsupportedOperators
from ..graph import Node

Activation = Callable[[Tensor], Tensor]
Cell = Callable[..., list[Tensor]]

_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_PLAIN: dict[str, Activation] = {
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
}
# With their default alpha and beta (None: the function has no beta).
_WITH_FACTORS: dict[str, tuple[Callable[..., Tensor], float, float | None]] = {
    "affine": (lambda value, alpha, beta: value * alpha + beta, 1.0, 0.0),
    "elu": (functional.elu, 1.0, None),
    "hardsigmoid": (lambda value, alpha, beta: torch.clamp(value * alpha + beta, 0.0, 1.0), 0.2, 0.5),
    "leakyrelu": (functional.leaky_relu, 0.01, None),
    "scaledtanh": (lambda value, alpha, beta: alpha * torch.tanh(beta * value), 1.0, 1.0),
    "thresholdedrelu": (lambda value, alpha: functional.threshold(value, alpha, 0.0), 1.0, None),
}


def activation_names(node: Node) -> list[str]:
    """The activations of every direction one after another, in lower case."""
    given = node.attributes.get("activations")
    if given:
        return [(name.decode() if isinstance(name, bytes) else str(name)).lower() for name in given]
    directions = 2 if node.text("direction", "forward") == "bidirectional" else 1
    return [name.lower() for name in _DEFAULTS[node.op_type]] * directions


def activations_of(node: Node, direction: int) -> list[Activation]:
    """The activations of one direction; alphas and betas are handed out in order to those that take them."""
    alphas = list(node.attributes.get("activation_alpha", []))
    betas = list(node.attributes.get("activation_beta", []))
    functions = [_activation(node, name, alphas, betas) for name in activation_names(node)]
    count = len(_DEFAULTS[node.op_type])
    return functions[direction * count : (direction + 1) * count]


def _activation(node: Node, name: str, alphas: list[float], betas: list[float]) -> Activation:
    if name in _PLAIN:
        return _PLAIN[name]
    if name not in _WITH_FACTORS:
        raise UnsupportedOperators(
            f"{node.op_type} {node.name!r} uses the activation {name!r}",
            fix=f"use one of {', '.join(sorted([*_PLAIN, *_WITH_FACTORS]))}",
        )
    function, alpha, beta = _WITH_FACTORS[name]
    factors = [alphas.pop(0) if alphas else alpha]
    if beta is not None:
        factors.append(betas.pop(0) if betas else beta)
    return lambda value: function(value, *factors)


def _clip(node: Node) -> Activation:
    limit = node.attributes.get("clip")
    return (lambda value: value) if limit is None else (lambda value: torch.clamp(value, -limit, limit))


def lstm_cell(node: Node, activations: list[Activation]) -> Cell:
    """Gates in ONNX's order i, o, f, c; peepholes in the order i, o, f."""
    gate, update, squash = activations
    clip, coupled = _clip(node), bool(node.integer("input_forget", 0))

    def cell(state: Sequence[Tensor], row: Tensor, r: Tensor, bias: Tensor, *peep: Tensor) -> list[Tensor]:
        h, c = state
        parts = row + functional.linear(h, r) + sum(bias.chunk(2))
        i, o, f, g = parts.chunk(4, -1)
        to_i, to_o, to_f = peep[0].chunk(3) if peep else (0.0, 0.0, 0.0)
        i = gate(clip(i + to_i * c))
        f = 1 - i if coupled else gate(clip(f + to_f * c))
        c = f * c + i * update(clip(g))
        o = gate(clip(o + to_o * c))
        return [o * squash(c), c]

    return cell


def gru_cell(node: Node, activations: list[Activation]) -> Cell:
    """Gates in ONNX's order z, r, h; the reset comes before or after the recurrent product."""
    gate, update = activations
    clip, after = _clip(node), bool(node.integer("linear_before_reset", 0))

    def cell(state: Sequence[Tensor], row: Tensor, r: Tensor, bias: Tensor) -> list[Tensor]:
        (h,) = state
        wz, wr, wh, rz, rr, rh = bias.chunk(6)
        z_row, r_row, h_row = row.chunk(3, -1)
        z_weight, r_weight, h_weight = r.chunk(3, 0)
        z = gate(clip(z_row + functional.linear(h, z_weight) + wz + rz))
        reset = gate(clip(r_row + functional.linear(h, r_weight) + wr + rr))
        past = reset * functional.linear(h, h_weight, rh) if after else functional.linear(reset * h, h_weight, rh)
        new = update(clip(h_row + past + wh))
        return [(1 - z) * new + z * h]

    return cell


def rnn_cell(node: Node, activations: list[Activation]) -> Cell:
    """The plain cell: f(x W + h R + b)."""
    (update,) = activations
    clip = _clip(node)

    def cell(state: Sequence[Tensor], row: Tensor, r: Tensor, bias: Tensor) -> list[Tensor]:
        (h,) = state
        return [update(clip(row + functional.linear(h, r) + sum(bias.chunk(2))))]

    return cell


CELLS: dict[str, Callable[[Node, list[Activation]], Any]] = {"GRU": gru_cell, "LSTM": lstm_cell, "RNN": rnn_cell}

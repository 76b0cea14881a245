"""Finds the layers that are worth quantising: convolutions, matrix products and embeddings with constant weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import constants_of
from ..passes.node_writer import groups_of

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Where an operator has its activation and its weights, and which axis of the weights counts output channels.

    `activation` is None for an embedding, whose input is an index.
    """

    activation: int | None
    weights: int
    axis: int


_CONVOLUTION = Form(activation=0, weights=1, axis=0)
_TRANSPOSED = Form(activation=0, weights=1, axis=1)
FORMS: dict[Any, Form] = {
    _aten.conv1d.default: _CONVOLUTION,
    _aten.conv1d.padding: _CONVOLUTION,
    _aten.conv2d.default: _CONVOLUTION,
    _aten.conv2d.padding: _CONVOLUTION,
    _aten.conv3d.default: _CONVOLUTION,
    _aten.conv3d.padding: _CONVOLUTION,
    _aten.conv_transpose1d.default: _TRANSPOSED,
    _aten.conv_transpose2d.input: _TRANSPOSED,
    _aten.linear.default: Form(activation=0, weights=1, axis=0),
    _aten.embedding.default: Form(activation=None, weights=0, axis=0),
}
_TRANSPOSED_CONVOLUTIONS = frozenset({_aten.conv_transpose1d.default, _aten.conv_transpose2d.input})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One such operator: its node, the nodes of its activation and weights, the weights, its multiply-accumulates."""

    node: fx.Node
    activation: fx.Node | None
    weights: fx.Node
    values: torch.Tensor
    axis: int
    macs: int

    @property
    def name(self) -> str:
        """What a recipe calls it."""
        return self.node.name

    @property
    def operator(self) -> str:
        """The operator's name: "conv2d"."""
        return str(self.node.target).split(".")[1]

    @property
    def module(self) -> str:
        """The path of the model's own module that calls it."""
        return module_of(self.node)

    @property
    def groups(self) -> int:
        """Into how many groups a convolution divides its channels."""
        return groups_of(self.node)


def module_of(node: fx.Node) -> str:
    """The path of the module that calls an operator; empty where torch.export did not keep it."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


def layers_of(program: ExportedProgram) -> Iterator[Layer]:
    """The layers of a program in its order, loops' bodies left out."""
    constants = constants_of(program)
    for node in program.graph.nodes:
        form = FORMS.get(node.target) if node.op == "call_function" else None
        weights = node.args[form.weights] if form is not None else None
        if form is None or not isinstance(weights, fx.Node) or weights.name not in constants:
            continue
        values = constants[weights.name].detach()
        if _can_be_rounded(values) and (form.activation is None or values.numel() > 1):
            yield _layer(node, form, values)


def _can_be_rounded(weights: torch.Tensor) -> bool:
    return weights.is_floating_point() and weights.dim() > 1


def _layer(node: fx.Node, form: Form, values: torch.Tensor) -> Layer:
    activation: Any = None if form.activation is None else node.args[form.activation]
    weights: Any = node.args[form.weights]
    macs = 0 if activation is None else _macs(node, activation, values, form.axis)
    return Layer(node=node, activation=activation, weights=weights, values=values, axis=form.axis, macs=macs)


def _macs(node: fx.Node, activation: fx.Node, weights: torch.Tensor, axis: int) -> int:
    """Every element of the result (of the input, where the layer spreads it) meets one channel's weights."""
    spreads = node.target in _TRANSPOSED_CONVOLUTIONS
    elements = elements_of(activation if spreads else node)
    return elements * weights.numel() // int(weights.shape[0] if spreads else weights.shape[axis])


def elements_of(node: fx.Node) -> int:
    """How many numbers a node's tensor has; an open size counts as the example's."""
    count = 1
    for size in node.meta["val"].shape:
        count *= size if isinstance(size, int) else int(size.node.hint)
    return count

"""Decides which tensors are integers, from which layers are: as few roundings as the formats' kernels allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

_aten = torch.ops.aten

# What every format's integer kernels clip by themselves at the end of a layer.
_FUSED = frozenset({_aten.relu.default, _aten.relu_.default, _aten.relu6.default})
_CLIPPED = frozenset({_aten.hardtanh.default, _aten.hardtanh_.default, _aten.clamp.default})
# Operators that only move or select numbers: their result has the scale of what they were given.
_MOVING = frozenset(
    {
        _aten.max_pool2d.default,
        _aten.flatten.using_ints,
        _aten.view.default,
        _aten.reshape.default,
        _aten.permute.default,
        _aten.transpose.int,
        _aten.squeeze.default,
        _aten.squeeze.dim,
        _aten.squeeze.dims,
        _aten.unsqueeze.default,
        _aten.slice.Tensor,
        _aten.select.int,
        _aten.dropout.default,
        _aten.constant_pad_nd.default,
        _aten.pad.default,
        *_FUSED,
    }
)
_JOINING = frozenset({_aten.cat.default})
_COMPUTING = frozenset(
    {_aten.add.Tensor, _aten.add_.Tensor, _aten.avg_pool2d.default, _aten.adaptive_avg_pool2d.default, _aten.mean.dim}
)


@dataclass(slots=True)
class Domain:
    """The tensors that are integers: each by the node that computes it so (None for a float value that is rounded).

    `ties` are pairs of tensors that share one scale.
    """

    tensors: dict[fx.Node, fx.Node | None] = field(default_factory=dict[fx.Node, "fx.Node | None"])
    ties: list[tuple[fx.Node, fx.Node]] = field(default_factory=list[tuple[fx.Node, fx.Node]])


def integer_domain(graph: fx.Graph, layers: dict[fx.Node, fx.Node]) -> Domain:
    """The tensors that `layers` (node to activation) read and give, and those that stay integers between them."""
    possible = _possible(graph, set(layers))
    needed = _needed(graph, set(layers), possible)
    domain = Domain()
    for node in graph.nodes:
        if node in layers:
            domain.tensors.setdefault(layers[node], None)
        if node in layers or node in needed:
            domain.tensors[last_of(node)] = node
        if node in needed and (node.target in _MOVING or node.target in _JOINING):
            domain.ties.extend((source, node) for source in _float_inputs(node))
    return domain


def last_of(node: fx.Node) -> fx.Node:
    """The activation that a kernel applies to a layer's result, or the layer itself."""
    if len(node.users) != 1 or node.target in _MOVING or node.target in _JOINING:
        return node
    user = next(iter(node.users))
    return user if user.target in _FUSED or (user.target in _CLIPPED and _starts_at_zero(user)) else node


def _starts_at_zero(node: fx.Node) -> bool:
    return len(node.args) > 1 and node.args[1] in (0, 0.0)


def _possible(graph: fx.Graph, layers: set[fx.Node]) -> set[fx.Node]:
    """Operators besides layers whose inputs are all integers."""
    integers: set[fx.Node] = set()
    found: set[fx.Node] = set()
    for node in graph.nodes:
        if node in layers:
            integers.add(last_of(node))
        elif _can(node) and node not in integers:
            sources = _float_inputs(node)
            if sources and all(source in integers for source in sources):
                found.add(node)
                integers.add(last_of(node))
    return found


def _needed(graph: fx.Graph, layers: set[fx.Node], possible: set[fx.Node]) -> set[fx.Node]:
    """Those among them whose result somebody reads as integers."""
    found: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if node in possible and any(user in layers or user in found for user in last_of(node).users):
            found.add(node)
    return found


def _can(node: fx.Node) -> bool:
    if node.op != "call_function":
        return False
    if node.target in {_aten.pad.default, _aten.constant_pad_nd.default}:
        return _pads_with_zero(node)
    if node.target in {_aten.add.Tensor, _aten.add_.Tensor}:
        return not node.kwargs and len(_float_inputs(node)) == 2
    return node.target in _MOVING or node.target in _JOINING or node.target in _COMPUTING


def _pads_with_zero(node: fx.Node) -> bool:
    extra: list[Any] = list(node.args[2:])
    return all(value in ("constant", 0, 0.0, None) for value in extra)


def _float_inputs(node: fx.Node) -> list[fx.Node]:
    return list(_floats(node))


def _floats(node: fx.Node) -> Iterator[fx.Node]:
    for source in node.all_input_nodes:
        value = source.meta.get("val")
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            yield source

"""Finds the values of a graph that share memory, and those that some operator changes in place."""

from __future__ import annotations

import operator
from collections.abc import Iterator

import torch
from torch import fx


def changed_in_place(graph: fx.Graph) -> set[fx.Node]:
    """Every node whose memory an operator of the graph writes to; an exported program may still hold `relu_`."""
    shared = _Groups()
    written: list[fx.Node] = []
    for node in graph.nodes:
        for source, is_written in shared_with(node):
            shared.join(node, source)
            if is_written:
                written.append(source)
    touched = {shared.root(node) for node in written}
    return {node for node in graph.nodes if shared.root(node) in touched}


def origins(node: fx.Node) -> frozenset[fx.Node]:
    """The nodes whose memory a node's result may lie in: itself, or what it is a view of."""
    sources = [source for source, _ in shared_with(node)]
    return frozenset().union(*map(origins, sources)) if sources else frozenset({node})


def shared_with(node: fx.Node) -> Iterator[tuple[fx.Node, bool]]:
    """The arguments whose memory a node's result shares or writes, each with whether it writes."""
    if node.target is operator.getitem:
        yield node.all_input_nodes[0], False
    if not isinstance(node.target, torch._ops.OpOverload):
        return
    for position, argument in enumerate(node.target._schema.arguments):
        alias = argument.alias_info
        if alias is None:
            continue
        given = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
        for source in given if isinstance(given, (list, tuple)) else (given,):
            if isinstance(source, fx.Node):
                yield source, bool(alias.is_write)


class _Groups:
    """Disjoint sets of nodes."""

    def __init__(self) -> None:
        self._parent: dict[fx.Node, fx.Node] = {}

    def root(self, node: fx.Node) -> fx.Node:
        while (parent := self._parent.get(node, node)) is not node:
            self._parent[node] = self._parent.get(parent, parent)
            node = parent
        return node

    def join(self, one: fx.Node, other: fx.Node) -> None:
        self._parent[self.root(one)] = self.root(other)

"""Computes, once, what depends on weights alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..graph import Graph, Node
from ..values import Value, as_tensor, known_constant
from .renaming import rebuilt

Compute = Callable[[Node, list[Value | None]], tuple[Value, ...]]

_LARGEST_GROWTH = 1 << 16  # elements that a fold may add: a broadcast stays in the program instead


def fold_constants(graph: Graph, weights: dict[str, Tensor], compute: Compute) -> Graph:
    """The graph without nodes of constant inputs, in its bodies too; their results join `weights`."""
    kept: list[Node] = []
    for node in graph.nodes:
        if node.bodies:
            bodies = {key: fold_constants(body, weights, compute) for key, body in node.bodies.items()}
            kept.append(replace(node, bodies=bodies))
        elif not _fold(node, weights, compute):
            kept.append(node)
    return rebuilt(graph, kept)


def _fold(node: Node, weights: dict[str, Tensor], compute: Compute) -> bool:
    if not all(name in weights for name in node.inputs if name) or "" in node.outputs:
        return False
    inputs = [known_constant(weights[name]) if name else None for name in node.inputs]
    with torch.no_grad():
        # Copies: two weights that share memory, as the parts of a split do, count as aliases in a scan.
        results = [as_tensor(value).clone(memory_format=torch.contiguous_format) for value in compute(node, inputs)]
    before = sum(weights[name].numel() for name in node.inputs if name)
    if sum(result.numel() for result in results) > before + _LARGEST_GROWTH:
        return False
    weights.update(zip(node.outputs, results, strict=False))
    return True

"""Writing to places: ScatterND and ScatterElements."""

from __future__ import annotations

import torch
from torch import Tensor

from ..graph import Node
from .calling import Operator, axis_of, on_tensors
from .indexing import counted_from_front, index_of

_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def scatter_elements(node: Node, value: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    """ScatterElements along `axis`, replacing or reducing."""
    axis = axis_of(node.integer("axis", 0), value.ndim)
    index = counted_from_front(places, value.shape[axis]).to(torch.int64)
    reduction = node.text("reduction", "none")
    if reduction == "none":
        return torch.scatter(value, axis, index, updates)
    return torch.scatter_reduce(value, axis, index, updates, _REDUCE[reduction])


def scatter_nd(node: Node, value: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    """ScatterND: rows of `places` are indices of slices that are replaced or reduced."""
    reduction = node.text("reduction", "none")
    if reduction in {"none", "add"}:
        return torch.index_put(value, index_of(places, 0), updates, accumulate=reduction == "add")
    depth = int(places.shape[-1])
    row = torch.zeros_like(places.select(-1, 0))
    for column in range(depth):
        size = value.shape[column]
        row = row * size + counted_from_front(places.select(-1, column), size)
    flat = value.reshape(-1, *value.shape[depth:])
    slices = updates.reshape(-1, *value.shape[depth:])
    index = row.reshape(-1, *[1] * (flat.ndim - 1)).expand(slices.shape).to(torch.int64)
    return torch.scatter_reduce(flat, 0, index, slices, _REDUCE[reduction]).reshape(value.shape)


OPERATORS: dict[str, Operator] = {
    "Scatter": on_tensors(scatter_elements),
    "ScatterElements": on_tensors(scatter_elements),
    "ScatterND": on_tensors(scatter_nd),
}

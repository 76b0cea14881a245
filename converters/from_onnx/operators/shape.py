"""Operators that ask for shapes, change them, or make tensors of a given shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import ConversionError
from ..dtypes import torch_dtype
from ..graph import Node
from ..values import LARGEST_KNOWN, Known, Value, as_number, as_numbers, as_tensor, known, sizes_of
from .calling import Operator, Results, axis_of, on_tensors


def shape(node: Node, value: Value) -> Results:
    """Shape, whole or from `start` to `end`: always known numbers."""
    sizes = sizes_of(value)
    return known(list(sizes[node.integer("start", 0) : node.integer("end", len(sizes))]), torch.int64)


def size(node: Node, value: Value) -> Results:
    """Size: the number of elements."""
    del node
    return known(math.prod(sizes_of(value)), torch.int64)


def reshape(node: Node, value: Value, target: Value) -> Results:
    """Reshape: 0 keeps a size (unless allowzero=1), -1 takes what is left."""
    sizes = as_numbers(target)
    if not node.integer("allowzero", 0):
        sizes = [value.shape[axis] if isinstance(size, int) and size == 0 else size for axis, size in enumerate(sizes)]
    if isinstance(value, Known):
        return Known(value.numbers.reshape([int(size) for size in sizes]), value.dtype)
    return value.reshape(sizes)


def flatten(node: Node, value: Tensor) -> Tensor:
    """Flatten to a matrix: axes before `axis`, and the rest."""
    axis = axis_of(node.integer("axis", 1), value.ndim)
    return value.reshape(math.prod(value.shape[:axis]), math.prod(value.shape[axis:]))


def _axes(node: Node, given: Value | None) -> list[int] | None:
    """Axes are an input since opset 13, an attribute before."""
    return node.integers("axes") if given is None else [int(axis) for axis in as_numbers(given)]


def squeeze(node: Node, value: Value, axes: Value | None = None) -> Results:
    """Squeeze the named axes, or every axis of size one."""
    chosen = _axes(node, axes)
    sizes = sizes_of(value)
    if chosen is None:
        chosen = [axis for axis, size in enumerate(sizes) if size == 1]
    dropped = {axis_of(axis, len(sizes)) for axis in chosen}
    if isinstance(value, Known):
        return Known(np.squeeze(value.numbers, tuple(dropped)), value.dtype)
    return torch.squeeze(value, tuple(sorted(dropped)))


def unsqueeze(node: Node, value: Value, axes: Value | None = None) -> Results:
    """Unsqueeze: axes count in the result."""
    chosen = _axes(node, axes) or []
    rank = value.ndim + len(chosen)
    places = sorted(axis_of(axis, rank) for axis in chosen)
    if isinstance(value, Known):
        return Known(np.expand_dims(value.numbers, tuple(places)), value.dtype)
    for place in places:
        value = value.unsqueeze(place)
    return value


def transpose(node: Node, value: Value) -> Results:
    """Transpose; without `perm` all axes are reversed."""
    order = node.integers("perm") or list(reversed(range(value.ndim)))
    if isinstance(value, Known):
        return Known(value.numbers.transpose(order), value.dtype)
    return value.permute(order)


def expand(node: Node, value: Value, target: Value) -> Results:
    """Expand: broadcast both ways with the shape given."""
    del node
    wanted = as_numbers(target)
    sizes = list(sizes_of(value))
    rank = max(len(wanted), len(sizes))
    wanted = [1] * (rank - len(wanted)) + wanted
    sizes = [1] * (rank - len(sizes)) + sizes
    result = [have if want == 1 else want for have, want in zip(sizes, wanted, strict=True)]
    if _stays_known(value, result):
        return Known(np.broadcast_to(value.numbers, result), value.dtype)  # type: ignore[union-attr]
    return as_tensor(value).expand(result)


def _stays_known(value: Value, sizes: list[Any]) -> bool:
    fixed = all(isinstance(size, int) for size in sizes)
    return isinstance(value, Known) and fixed and math.prod(sizes) <= LARGEST_KNOWN


def tile(node: Node, value: Value, repeats: Value) -> Results:
    """Tile: repeat along every axis."""
    del node
    counts = as_numbers(repeats)
    if isinstance(value, Known) and _stays_known(value, [math.prod(value.shape), *counts]):
        return Known(np.tile(value.numbers, counts), value.dtype)
    return as_tensor(value).repeat(counts)


def concatenate(node: Node, *values: Value) -> Results:
    """Concat along `axis`."""
    axis = axis_of(node.integer("axis", 0), values[0].ndim)
    numbers = [value.numbers for value in values if isinstance(value, Known)]
    if len(numbers) == len(values) and sum(array.size for array in numbers) <= LARGEST_KNOWN:
        return Known(np.concatenate(numbers, axis), values[0].dtype)
    return torch.cat([as_tensor(value) for value in values], axis)


def split(node: Node, value: Value, sizes: Value | None = None) -> Results:
    """Split into the given sizes, or evenly (the last piece may be smaller)."""
    axis = axis_of(node.integer("axis", 0), value.ndim)
    pieces = node.integers("split") if sizes is None else as_numbers(sizes)
    if pieces is None:
        count = node.integer("num_outputs", len(node.outputs))
        step = (value.shape[axis] + count - 1) // count
        pieces = [step] * (count - 1) + [value.shape[axis] - step * (count - 1)]
    if isinstance(value, Known):
        parts = np.split(value.numbers, np.cumsum(pieces)[:-1], axis)
        return tuple(Known(part, value.dtype) for part in parts)
    return tuple(torch.split(value, pieces, axis))


def constant_of_shape(node: Node, target: Value) -> Results:
    """ConstantOfShape: one value everywhere, float zero by default."""
    filling = node.attributes.get("value", torch.zeros(1))
    sizes = as_numbers(target)
    fixed = all(isinstance(size, int) for size in sizes)
    if not filling.dtype.is_floating_point and fixed and math.prod(sizes) <= LARGEST_KNOWN:
        return known(np.full(sizes, filling.item(), dtype=object), filling.dtype)
    return torch.full(sizes, filling.item(), dtype=filling.dtype)


def number_range(node: Node, start: Value, limit: Value, step: Value) -> Results:
    """Range from start up to limit; integers of a short range stay known."""
    del node
    first, last, stride = (as_number(value) for value in (start, limit, step))
    whole = all(isinstance(number, int) for number in (first, last, stride))
    if whole and len(range(first, last, stride)) <= LARGEST_KNOWN:
        return known(list(range(first, last, stride)), start.dtype)
    return torch.arange(first, last, stride, dtype=start.dtype)


def identity_matrix(node: Node, value: Value) -> Results:
    """EyeLike: ones on diagonal `k`, in the shape of the input."""
    rows, columns = sizes_of(value)
    dtype = value.dtype
    if "dtype" in node.attributes:
        dtype = torch_dtype(node.integer("dtype", 1))
    across = torch.arange(columns).unsqueeze(0) - torch.arange(rows).unsqueeze(1)
    return (across == node.integer("k", 0)).to(dtype)


def triangle(node: Node, value: Value, diagonal: Value | None = None) -> Results:
    """Trilu: the upper or the lower triangle of the last two axes."""
    offset, tensor = 0 if diagonal is None else int(as_number(diagonal)), as_tensor(value)
    return torch.triu(tensor, offset) if node.integer("upper", 1) else torch.tril(tensor, offset)


def depth_to_space(node: Node, value: Tensor) -> Tensor:
    """DepthToSpace: DCR (TensorFlow's order) or CRD (torch's pixel shuffle)."""
    block = node.integer("blocksize", 1)
    batch, channels, height, width = value.shape
    depth = channels // (block * block)
    if node.text("mode", "DCR") == "CRD":
        return torch.pixel_shuffle(value, block)
    cells = value.reshape(batch, block, block, depth, height, width)
    return cells.permute(0, 3, 4, 1, 5, 2).reshape(batch, depth, height * block, width * block)


def space_to_depth(node: Node, value: Tensor) -> Tensor:
    """SpaceToDepth: every block becomes channels, the place in the block outermost."""
    block = node.integer("blocksize", 1)
    batch, channels, height, width = value.shape
    cells = value.reshape(batch, channels, height // block, block, width // block, block)
    return cells.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * block * block, height // block, width // block)


def identity(node: Node, value: Value, *ignored: Value) -> Results:
    """Identity, and Dropout outside of training."""
    if len(node.outputs) > 1 and node.outputs[1]:
        mask = torch.ones_like(as_tensor(value), dtype=torch.bool)
        return value, mask
    if len(ignored) == 2 and as_number(ignored[1]):
        raise ConversionError(
            f"{node.op_type} {node.name!r} is in training mode",
            fix="export the model for inference (training=False)",
        )
    return value


OPERATORS: dict[str, Operator] = {
    "Concat": concatenate,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": on_tensors(depth_to_space),
    "Dropout": identity,
    "Expand": expand,
    "EyeLike": identity_matrix,
    "Flatten": on_tensors(flatten),
    "Identity": identity,
    "Range": number_range,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "SpaceToDepth": on_tensors(space_to_depth),
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": triangle,
    "Unsqueeze": unsqueeze,
    "com.microsoft.Range": number_range,
}

"""Pad: constant, reflected, repeated edges, wrapped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..graph import Node
from ..values import Value, as_number, as_numbers, as_tensor
from .calling import Operator, Results, axis_of


def pad(node: Node, value: Value, *inputs: Value | None) -> Results:
    """Pad: amounts, constant and axes are inputs since opset 11 (axes since 18), attributes before."""
    tensor = as_tensor(value)
    amounts, fill, axes = _arguments(node, inputs)
    places = list(range(tensor.ndim)) if axes is None else [axis_of(axis, tensor.ndim) for axis in axes]
    before: dict[int, Any] = dict(zip(places, amounts[: len(places)], strict=True))
    after: dict[int, Any] = dict(zip(places, amounts[len(places) :], strict=True))
    mode = node.text("mode", "constant")
    if mode == "constant":
        return _pad_constant(tensor, before, after, fill)
    for axis in places:
        if before[axis] != 0 or after[axis] != 0:
            tensor = _pad_axis(tensor, axis, before[axis], after[axis], mode)
    return tensor


def _arguments(node: Node, inputs: tuple[Value | None, ...]) -> tuple[list[Any], Any, list[Any] | None]:
    if node.opset < 11:
        return node.integers("pads") or [], node.number("value", 0.0), None
    amounts, fill, axes = [*inputs, None, None][:3]
    constant = 0 if fill is None else as_number(fill)
    return as_numbers(amounts), constant, None if axes is None else as_numbers(axes)  # type: ignore[arg-type]


def _pad_constant(tensor: Tensor, before: dict[int, Any], after: dict[int, Any], fill: Any) -> Tensor:
    touched = [axis for axis in before if before[axis] != 0 or after[axis] != 0]
    pads: list[Any] = []
    for axis in range(tensor.ndim - 1, min(touched, default=tensor.ndim) - 1, -1):
        pads += [before.get(axis, 0), after.get(axis, 0)]
    if not pads:
        return tensor
    if tensor.dtype == torch.bool:
        return functional.pad(tensor.to(torch.uint8), pads, value=int(fill)).to(torch.bool)
    return functional.pad(tensor, pads, value=fill)


def _pad_axis(tensor: Tensor, axis: int, before: Any, after: Any, mode: str) -> Tensor:
    """Pads one axis by pieces of the tensor itself; negative amounts cut."""
    size = tensor.shape[axis]
    start, end = max(0, -before), size - max(0, -after)
    kept = tensor.narrow(axis, start, end - start) if before < 0 or after < 0 else tensor
    pieces = [kept]
    if before > 0:
        pieces.insert(0, _border(kept, axis, before, mode, front=True))
    if after > 0:
        pieces.append(_border(kept, axis, after, mode, front=False))
    return torch.cat(pieces, axis)


def _border(tensor: Tensor, axis: int, amount: Any, mode: str, *, front: bool) -> Tensor:
    size = tensor.shape[axis]
    if mode == "reflect":
        return tensor.narrow(axis, 1 if front else size - amount - 1, amount).flip([axis])
    if mode == "wrap":
        return tensor.narrow(axis, size - amount if front else 0, amount)
    sizes = list(tensor.shape)
    sizes[axis] = amount
    return tensor.narrow(axis, 0 if front else size - 1, 1).expand(sizes)


OPERATORS: dict[str, Operator] = {"Pad": pad}

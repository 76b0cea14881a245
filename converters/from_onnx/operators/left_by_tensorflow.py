"""TensorFlow's own operators that tf2onnx 1.17 has no ONNX form for and leaves in the graph, with a warning.

No ONNX runtime can run such a graph; a torch program can.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..graph import Node
from ..values import Value, as_number, as_tensor
from .calling import Operator, Results, axis_of, on_tensors, plain


def scaled_logarithm(shift: float) -> Callable[[Node, Tensor, Tensor], Tensor]:
    """Xlogy (shift 0) and Xlog1py (shift 1): zero where the first operand is zero."""

    def operator(node: Node, factor: Tensor, value: Tensor) -> Tensor:
        del node
        return torch.xlogy(factor, value + shift if shift else value)

    return operator


def running_product(node: Node, value: Value, axis: Value) -> Results:
    """Cumprod, exclusive of the element itself or not, from the front or from the end."""
    tensor = as_tensor(value)
    place = axis_of(as_number(axis), tensor.ndim)
    line = torch.flip(tensor, [place]) if node.integer("reverse", 0) else tensor
    if node.integer("exclusive", 0):
        shorter = line.narrow(place, 0, line.shape[place] - 1)
        line = torch.cat([torch.ones_like(line.narrow(place, 0, 1)), shorter], place)
    product = torch.cumprod(line, place)
    return torch.flip(product, [place]) if node.integer("reverse", 0) else product


def half_square_sum(node: Node, value: Tensor) -> Tensor:
    """L2Loss: half the sum of squares."""
    del node
    return torch.sum(value * value) / 2


def quotient_or_zero(node: Node, one: Tensor, other: Tensor) -> Tensor:
    """Xdivy and DivNoNan."""
    zero = one == 0 if node.op_type == "Xdivy" else other == 0
    return torch.where(zero, torch.zeros_like(one), one / torch.where(zero, torch.ones_like(other), other))


OPERATORS: dict[str, Operator] = {
    "Cumprod": running_product,
    "Digamma": plain(torch.digamma),
    "DivNoNan": on_tensors(quotient_or_zero),
    "Erfc": plain(torch.erfc),
    "Erfinv": plain(torch.erfinv),
    "Expm1": plain(torch.expm1),
    "Inv": plain(torch.reciprocal),
    "IsFinite": plain(torch.isfinite),
    "L2Loss": on_tensors(half_square_sum),
    "Lgamma": plain(torch.lgamma),
    "Log1p": plain(torch.log1p),
    "Rint": plain(torch.round),
    "Xdivy": on_tensors(quotient_or_zero),
    "Xlog1py": on_tensors(scaled_logarithm(1.0)),
    "Xlogy": on_tensors(scaled_logarithm(0.0)),
}

"""Matrix products: MatMul, Gemm, Einsum."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..graph import Node
from .calling import Operator, on_tensors


def matrix_product(node: Node, one: Tensor, other: Tensor) -> Tensor:
    """MatMul, as numpy.matmul."""
    del node
    return torch.matmul(one, other)


def general_product(node: Node, one: Tensor, other: Tensor, bias: Tensor | None = None) -> Tensor:
    """Gemm: alpha * A' B' + beta * C on matrices."""
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    left = one.t() if node.integer("transA", 0) else one
    turned = bool(node.integer("transB", 0))
    whole = alpha == 1.0 and beta == 1.0 and (bias is None or tuple(bias.shape) == (other.shape[0],))
    if whole and turned:
        return functional.linear(left, other, bias)
    product = left @ (other.t() if turned else other)
    product = product if alpha == 1.0 else product * alpha
    if bias is None:
        return product
    return product + (bias if beta == 1.0 else bias * beta)


def linear(node: Node, value: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A dense layer with its weight as torch keeps it: (out features, in features)."""
    del node
    return functional.linear(value, weight, bias)


def einstein_sum(node: Node, *operands: Tensor) -> Tensor:
    """Einsum; spaces in the equation have no meaning."""
    return torch.einsum(node.text("equation", "").replace(" ", ""), *operands)


def determinant(node: Node, value: Tensor) -> Tensor:
    """Det of the last two axes."""
    del node
    return torch.linalg.det(value)


OPERATORS: dict[str, Operator] = {
    "Det": on_tensors(determinant),
    "Einsum": on_tensors(einstein_sum),
    "Gemm": on_tensors(general_product),
    "MatMul": on_tensors(matrix_product),
    "edgeproof.Linear": on_tensors(linear),
}

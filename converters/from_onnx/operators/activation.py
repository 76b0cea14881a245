"""Activation functions and the softmax family."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..graph import Node
from .calling import Operator, axis_of, on_tensors, plain
from .elementwise import unary


def leaky_relu(node: Node, value: Tensor) -> Tensor:
    """LeakyRelu with slope `alpha`."""
    return functional.leaky_relu(value, node.number("alpha", 0.01))


def parametric_relu(node: Node, value: Tensor, slope: Tensor) -> Tensor:
    """PRelu: one slope, one per channel (axis 1), or any shape that broadcasts."""
    del node
    if slope.numel() == 1:
        return functional.prelu(value, slope.reshape(1))
    if value.ndim >= 2 and slope.ndim == value.ndim - 1 and tuple(slope.shape[1:]) == (1,) * (value.ndim - 2):
        return functional.prelu(value, slope.reshape(-1))
    return torch.clamp(value, min=0) + slope * torch.clamp(value, max=0)


def elu(node: Node, value: Tensor) -> Tensor:
    """Elu with factor `alpha`."""
    return functional.elu(value, node.number("alpha", 1.0))


def celu(node: Node, value: Tensor) -> Tensor:
    """Celu with `alpha`."""
    return functional.celu(value, node.number("alpha", 1.0))


def selu(node: Node, value: Tensor) -> Tensor:
    """Selu: gamma * (x, or alpha * (exp(x) - 1) below zero)."""
    alpha = node.number("alpha", 1.67326319217681884765625)
    gamma = node.number("gamma", 1.05070102214813232421875)
    return gamma * functional.elu(value, alpha)


def hard_sigmoid(node: Node, value: Tensor) -> Tensor:
    """HardSigmoid: alpha * x + beta, between 0 and 1."""
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-7 and beta == 0.5:
        return functional.hardsigmoid(value)
    return torch.clamp(value * alpha + beta, 0.0, 1.0)


def gelu(node: Node, value: Tensor) -> Tensor:
    """Gelu, exact or by tanh."""
    return functional.gelu(value, approximate=node.text("approximate", "none"))


def thresholded_relu(node: Node, value: Tensor) -> Tensor:
    """ThresholdedRelu: zero up to `alpha`."""
    return functional.threshold(value, node.number("alpha", 1.0), 0.0)


def shrink(node: Node, value: Tensor) -> Tensor:
    """Shrink: towards zero by `bias` outside of [-lambd, lambd], zero inside."""
    bias, limit = node.number("bias", 0.0), node.number("lambd", 0.5)
    outside = torch.where(value < -limit, value + bias, value - bias)
    return torch.where(value.abs() <= limit, torch.zeros_like(value), outside)


def swish(node: Node, value: Tensor) -> Tensor:
    """Swish: x * sigmoid(alpha * x)."""
    alpha = node.number("alpha", 1.0)
    return functional.silu(value) if alpha == 1.0 else value * torch.sigmoid(alpha * value)


def softmax_like(function: Callable[[Tensor, int], Tensor]) -> Operator:
    """Along one axis since opset 13; before, over all axes from `axis` (default 1) taken together."""

    def operator(node: Node, value: Tensor) -> Tensor:
        if node.opset >= 13:
            return function(value, axis_of(node.integer("axis", -1), value.ndim))
        axis = axis_of(node.integer("axis", 1), value.ndim)
        if axis == value.ndim - 1:
            return function(value, axis)
        return function(value.flatten(axis), axis).reshape(value.shape)

    return on_tensors(operator)


def _softmax(value: Tensor, axis: int) -> Tensor:
    return torch.softmax(value, axis)


def _log_softmax(value: Tensor, axis: int) -> Tensor:
    return torch.log_softmax(value, axis)


def _hardmax(value: Tensor, axis: int) -> Tensor:
    places = torch.arange(value.shape[axis], device=value.device)
    places = places.reshape([-1 if index == axis else 1 for index in range(value.ndim)])
    return (places == torch.argmax(value, axis, keepdim=True)).to(value.dtype)


OPERATORS: dict[str, Operator] = {
    "Celu": on_tensors(celu),
    "Elu": on_tensors(elu),
    "Gelu": on_tensors(gelu),
    "HardSigmoid": on_tensors(hard_sigmoid),
    "HardSwish": plain(functional.hardswish),
    "Hardmax": softmax_like(_hardmax),
    "LeakyRelu": on_tensors(leaky_relu),
    "LogSoftmax": softmax_like(_log_softmax),
    "Mish": plain(functional.mish),
    "PRelu": on_tensors(parametric_relu),
    "Relu": unary(functional.relu, lambda number: max(number, 0)),
    "Selu": on_tensors(selu),
    "Shrink": on_tensors(shrink),
    "Sigmoid": plain(torch.sigmoid),
    "Softmax": softmax_like(_softmax),
    "Softplus": plain(functional.softplus),
    "Softsign": plain(functional.softsign),
    "Swish": on_tensors(swish),
    "Tanh": plain(torch.tanh),
    "ThresholdedRelu": on_tensors(thresholded_relu),
    "com.microsoft.Gelu": on_tensors(gelu),
}

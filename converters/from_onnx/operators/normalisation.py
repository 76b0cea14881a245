"""Normalisation layers as inference runs them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import ConversionError
from ..graph import Node
from .calling import Operator, axis_of, on_tensors


def normalise_batch(node: Node, value: Tensor, *statistics: Tensor) -> Tensor:
    """BatchNormalization with stored statistics: scale, bias, mean and variance."""
    if node.integer("training_mode", 0) or len([name for name in node.outputs if name]) > 1:
        raise ConversionError(
            f"BatchNormalization {node.name!r} is in training mode: it would compute its own statistics",
            fix="export the model for inference (training=False)",
        )
    scale, bias, mean, variance = statistics
    return functional.batch_norm(value, mean, variance, scale, bias, eps=node.number("epsilon", 1e-5))


def normalise_instance(node: Node, value: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """InstanceNormalization: every channel of every sample by itself."""
    return functional.instance_norm(value, weight=scale, bias=bias, eps=node.number("epsilon", 1e-5))


def normalise_layer(
    node: Node, value: Tensor, scale: Tensor, bias: Tensor | None = None
) -> Tensor | tuple[Tensor, ...]:
    """LayerNormalization from `axis` to the end, with mean and inverse deviation if asked for."""
    axis = axis_of(node.integer("axis", -1), value.ndim)
    sizes, eps = list(value.shape[axis:]), node.number("epsilon", 1e-5)
    weight = scale.expand(sizes)
    result = functional.layer_norm(value, sizes, weight, None if bias is None else bias.expand(sizes), eps)
    if len(node.outputs) == 1:
        return result
    axes = list(range(axis, value.ndim))
    mean = value.mean(axes, keepdim=True)
    variance = (value - mean).square().mean(axes, keepdim=True)
    return result, mean, torch.rsqrt(variance + eps)


def normalise_groups(node: Node, value: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """GroupNormalization; scale and bias are per channel since opset 21, per group before."""
    groups, channels = node.integer("num_groups", 1), int(value.shape[1])
    if scale.shape[0] != channels:
        scale, bias = (part.repeat_interleave(channels // groups) for part in (scale, bias))
    return functional.group_norm(value, groups, scale, bias, node.number("epsilon", 1e-5))


def normalise_root_mean_square(node: Node, value: Tensor, scale: Tensor) -> Tensor:
    """RMSNormalization from `axis` to the end."""
    axis = axis_of(node.integer("axis", -1), value.ndim)
    square = value.square().mean(list(range(axis, value.ndim)), keepdim=True)
    return value * torch.rsqrt(square + node.number("epsilon", 1e-5)) * scale


def normalise_length(node: Node, value: Tensor) -> Tensor:
    """LpNormalization along one axis."""
    axis = axis_of(node.integer("axis", -1), value.ndim)
    length = torch.linalg.vector_norm(value, node.integer("p", 2), axis, keepdim=True)
    return value / torch.where(length == 0, torch.ones_like(length), length)


def normalise_mean_variance(node: Node, value: Tensor) -> Tensor:
    """MeanVarianceNormalization over `axes`."""
    axes = node.integers("axes") or [0, 2, 3]
    centred = value - value.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)


def normalise_local_response(node: Node, value: Tensor) -> Tensor:
    """LRN over the channels around each one."""
    size, alpha = node.integer("size", 1), node.number("alpha", 1e-4)
    flat = value.square().reshape(value.shape[0], 1, value.shape[1], -1)
    around = functional.pad(flat, [0, 0, (size - 1) // 2, size // 2])
    total = functional.avg_pool2d(around, [size, 1], stride=1, divisor_override=1).reshape(value.shape)
    return value / (node.number("bias", 1.0) + alpha / size * total).pow(node.number("beta", 0.75))


OPERATORS: dict[str, Operator] = {
    "BatchNormalization": on_tensors(normalise_batch),
    "GroupNormalization": on_tensors(normalise_groups),
    "InstanceNormalization": on_tensors(normalise_instance),
    "LRN": on_tensors(normalise_local_response),
    "LayerNormalization": on_tensors(normalise_layer),
    "LpNormalization": on_tensors(normalise_length),
    "MeanVarianceNormalization": on_tensors(normalise_mean_variance),
    "RMSNormalization": on_tensors(normalise_root_mean_square),
}

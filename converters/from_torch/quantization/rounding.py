"""Rounds a layer's weights so that its result changes least on the calibration inputs, column by column.

The weights are rounded one input at a time, and the error of each is made up for by those not yet rounded: optimal
brain quantisation in a fixed order (Frantar et al., GPTQ, 2022, equations 2 and 3 and the Cholesky form), for each
group of a convolution with its own second moments.
"""

from __future__ import annotations

import torch

from .operators import WEIGHT_MAX
from .weights import IntegerWeights, integer_weights

_DAMPING = 0.01  # of the mean second moment: keeps rarely used inputs from being trusted
_BLOCK = 128


def rounded(values: torch.Tensor, axis: int, moments: torch.Tensor) -> IntegerWeights:
    """int8 weights for a layer's float weights.

    `moments` are the second moments of its inputs (groups, inputs, inputs), inputs in the order of the weights'
    other axes; the scales are those of `integer_weights`.
    """
    plain = integer_weights(values, axis)
    rows = values.detach().movedim(axis, 0)
    shape = rows.shape
    grouped = rows.reshape(moments.shape[0], -1, moments.shape[-1]).double()
    scales = plain.scales.double().reshape(moments.shape[0], -1)
    integers = _by_columns(grouped, scales, moments.double()).to(torch.int8).reshape(shape).movedim(0, axis)
    return IntegerWeights(integers=integers.contiguous(), scales=plain.scales, axis=axis)


def _by_columns(weights: torch.Tensor, scales: torch.Tensor, moments: torch.Tensor) -> torch.Tensor:
    """Integers for weights (groups, outputs, inputs); the inputs with the largest moments are rounded first."""
    diagonal = moments.diagonal(dim1=1, dim2=2)
    order = diagonal.argsort(dim=1, descending=True, stable=True)
    weights = weights.gather(2, order[:, None, :].expand_as(weights))
    factor = _inverse_factor(moments, order)
    found = torch.empty_like(weights)
    for start in range(0, weights.shape[2], _BLOCK):
        end = min(start + _BLOCK, weights.shape[2])
        errors = torch.empty_like(weights[:, :, start:end])
        for column in range(start, end):
            current = weights[:, :, column]
            integers = torch.round(current / scales).clamp(-WEIGHT_MAX, WEIGHT_MAX)
            found[:, :, column] = integers
            error = (current - integers * scales) / factor[:, column, column, None]
            weights[:, :, column:end] -= error[:, :, None] * factor[:, column, None, column:end]
            errors[:, :, column - start] = error
        weights[:, :, end:] -= errors @ factor[:, start:end, end:]
    return found.gather(2, order.argsort(dim=1)[:, None, :].expand_as(found))


def _inverse_factor(moments: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse of the damped moments, inputs in that order."""
    size = moments.shape[-1]
    ordered = moments.gather(1, order[:, :, None].expand_as(moments)).gather(2, order[:, None, :].expand_as(moments))
    mean = ordered.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    damped = ordered + _DAMPING * mean[:, None, None] * torch.eye(size, dtype=ordered.dtype)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True)

"""Rounds weights to 8 bits, symmetric about zero, with the scale that loses least."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .operators import WEIGHT_MAX

# Shares of the largest weight that a scale may cover: clipping one outlier can serve all others.
_COVERED = tuple(1.0 - 0.04 * step for step in range(13))
_SMALLEST_SCALE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerWeights:
    """int8 weights of the layer's shape and float32 scales: one for each channel of `axis`, one in all for None."""

    integers: torch.Tensor
    scales: torch.Tensor
    axis: int | None

    @property
    def real(self) -> torch.Tensor:
        """The numbers that the integers stand for, in float32."""
        return self.integers.float() * _spread(self.scales, self.integers, self.axis)


def integer_weights(weights: torch.Tensor, axis: int | None) -> IntegerWeights:
    """The weights in 8 bits, each scale the one with the smallest squared error among those that cover a share."""
    weights = weights.detach().float()
    rows = weights.reshape(1, -1) if axis is None else weights.movedim(axis, 0).reshape(weights.shape[axis], -1)
    largest = rows.abs().amax(dim=1).clamp(min=_SMALLEST_SCALE * WEIGHT_MAX)
    best, error = largest / WEIGHT_MAX, torch.full_like(largest, torch.inf)
    for share in _COVERED:
        scales = largest * share / WEIGHT_MAX
        lost = (_rounded(rows, scales[:, None]) * scales[:, None] - rows).square().sum(dim=1)
        best, error = torch.where(lost < error, scales, best), torch.minimum(lost, error)
    scales = best.reshape(()) if axis is None else best
    integers = _rounded(weights, _spread(scales, weights, axis)).to(torch.int8)
    return IntegerWeights(integers=integers.contiguous(), scales=scales, axis=axis)


def _rounded(values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    return torch.round(values / scales).clamp(-WEIGHT_MAX, WEIGHT_MAX)


def _spread(scales: torch.Tensor, like: torch.Tensor, axis: int | None) -> torch.Tensor:
    """The scales in a shape that multiplies the weights."""
    return scales if axis is None else scales.reshape([-1 if place == axis else 1 for place in range(like.dim())])

"""Layers that measure the scale of their input as they run, in torch's operators.

`quantized::linear_dynamic` rounds its input and gives the product in float. torch's dynamic convolutions are no use:
they clip their result to the range of their input. A convolution is therefore the same product, over the patches that
its kernel meets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .quantization.operators import INT8_MAX, INT8_MIN, SMALLEST_STEP
from .torchscript_packing import QuantizedLayer
from .torchscript_patches import convolved_as_it_runs, walk_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicLayer:
    """A function of the float input and the packed weights of `layer`, with what else it takes."""

    layer: QuantizedLayer
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


def dynamic_layer(layer: QuantizedLayer) -> DynamicLayer | None:
    """How a layer is computed with an input that it measures; None where there is no kernel for that."""
    if layer.geometry is None:
        return DynamicLayer(layer=layer, function=torch.ops.quantized.linear_dynamic)
    walk = walk_of(layer)
    if walk is None:
        return None
    return DynamicLayer(layer=layer.as_product(), function=convolved_as_it_runs, arguments=(walk,))


def rounded_as_it_runs(value: torch.Tensor) -> torch.Tensor:
    """The value through 256 steps over its range, as `choose_qparams` sees them, in float."""
    low, high = torch.aminmax(value)
    zero = torch.zeros_like(low)
    low, high = torch.minimum(low, zero), torch.maximum(high, zero)
    scale = torch.clamp((high - low) / float(INT8_MAX - INT8_MIN), min=SMALLEST_STEP)
    zero_point = torch.clamp(INT8_MIN - torch.round(low / scale), INT8_MIN, INT8_MAX).to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(value, scale, zero_point, INT8_MIN, INT8_MAX)

"""Convolutions as a matrix product over the patches that the kernel meets, channels last.

Where torch has no kernel that gives a convolution's result in float, or only a slow one.
"""

from __future__ import annotations

import torch

from .torchscript_packing import Geometry, QuantizedLayer

# oneDNN takes ten times as long for one channel and a long kernel, as over sound, as for this product.
_FEW_CHANNELS = 2
_LONG_KERNEL = 128
_VOLUME = 3

Walk = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def walk_of(layer: QuantizedLayer) -> Walk | None:
    """Kernel, stride, dilation and padding (as F.pad takes it) of a convolution that is one matrix product."""
    shape = layer.geometry
    if shape is None or shape.groups != 1:
        return None
    return tuple(layer.weights.shape[2:]), shape.stride, shape.dilation, _pads(shape)


def is_better_as_product(layer: QuantizedLayer) -> bool:
    """Whether a convolution that can be a product should be: because that is faster, or runs on more engines."""
    channels, *kernel = layer.weights.shape[1:]
    is_long = channels <= _FEW_CHANNELS and torch.Size(kernel).numel() >= _LONG_KERNEL
    return is_long or not has_kernel_everywhere(layer)


def has_kernel_everywhere(layer: QuantizedLayer) -> bool:
    """QNNPACK does not load the stored weights of volumes: "QNNPACK only supports Conv2d now"."""
    return layer.geometry is None or len(layer.geometry.stride) < _VOLUME


def convolved(
    value: torch.Tensor, packed: object, grid: tuple[float, int], walk: Walk, *, relu: bool = False
) -> torch.Tensor:
    """The convolution of a quantised tensor, on the grid (scale, zero point)."""
    product = torch.ops.quantized.linear_relu if relu else torch.ops.quantized.linear
    return _channels_second(product(_patches(value, walk), packed, *grid))


def convolved_as_it_runs(value: torch.Tensor, packed: object, walk: Walk) -> torch.Tensor:
    """The convolution of a float tensor whose scale is measured, in float."""
    rows = _patches(value, walk)
    product = torch.ops.quantized.linear_dynamic
    if all(step == 1 for step in walk[1]):
        return _channels_second(product(rows, packed))
    # Longer steps leave numbers out, the least and the greatest perhaps: the scale is that of the whole tensor.
    ends = torch.stack(torch.aminmax(value)).unsqueeze(1) * torch.ones_like(rows.flatten(0, -2)[:1])
    results = product(torch.cat([rows.flatten(0, -2), ends]), packed)[:-2]
    return _channels_second(results.reshape([*rows.shape[:-1], results.shape[-1]]))


def _patches(value: torch.Tensor, walk: Walk) -> torch.Tensor:
    """(batch, places ..., kernel and channels): numbers that follow each other in a patch do so in memory."""
    kernel, stride, dilation, pads = walk
    rank = len(kernel)
    if any(pads):
        value = torch.constant_pad_nd(value, list(pads), 0.0)
    value = value.movedim(1, -1)
    value = value.contiguous() if max(kernel) > 1 else value
    for axis, (size, step, hole) in enumerate(zip(kernel, stride, dilation, strict=True), start=1):
        value = value.unfold(axis, hole * (size - 1) + 1, step)[..., ::hole]
    channels = rank + 1
    return value.permute(*range(channels), *range(channels + 1, channels + 1 + rank), channels).flatten(channels)


def _channels_second(value: torch.Tensor) -> torch.Tensor:
    return value.movedim(-1, 1)


def _pads(shape: Geometry) -> tuple[int, ...]:
    both = [side for amount in reversed(shape.padding) for side in (amount, amount)]
    extra = shape.pads or (0,) * len(both)
    return tuple(amount + more for amount, more in zip(both, extra, strict=True))

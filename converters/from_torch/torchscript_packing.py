"""Reads quantised layers from a flat module and packs their weights as torch's quantised engines store them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx

from .quantization.layers import FORMS
from .quantization.operators import DEQUANTIZE, DEQUANTIZE_CHANNELS
from .torchscript_spread import Places, spread_channels, spread_weights, spreading_of

_aten = torch.ops.aten
_DIMENSIONS: dict[Any, int] = {
    _aten.conv1d.default: 1,
    _aten.conv1d.padding: 1,
    _aten.conv2d.default: 2,
    _aten.conv2d.padding: 2,
    _aten.conv3d.default: 3,
    _aten.conv3d.padding: 3,
}
_TRANSPOSED: dict[Any, int] = {_aten.conv_transpose1d.default: 1, _aten.conv_transpose2d.input: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """How a convolution walks over its input; `pads` as F.pad takes them are what it cannot pad by itself."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    pads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedLayer:
    """A layer with integer weights: `weights` quantised, output channels first; no geometry for a matrix product.

    `places` says how the result of a transposed convolution is put together from that of this one.
    """

    node: fx.Node
    activation: fx.Node
    weights: torch.Tensor
    bias: torch.Tensor | None
    geometry: Geometry | None = None
    places: Places | None = None

    @property
    def operator(self) -> str:
        """The quantised operator: "conv2d", "linear"."""
        return "linear" if self.geometry is None else f"conv{len(self.geometry.stride)}d"

    def packed(self) -> Any:
        """The weights as the current engine wants them; they are stored as they were, whatever the engine."""
        ops = torch.ops.quantized
        if self.geometry is None:
            return ops.linear_prepack(self.weights, self.bias)
        shape = self.geometry
        pack = getattr(ops, f"{self.operator}_prepack")
        return pack(
            self.weights, self.bias, list(shape.stride), list(shape.padding), list(shape.dilation), shape.groups
        )

    def as_product(self) -> QuantizedLayer:
        """A convolution's weights as a matrix over patches, in which the channels follow each other."""
        axes = (0, *range(2, self.weights.dim()), 1)
        weights = requantized(self.weights, self.weights.int_repr().permute(axes).flatten(1).contiguous(), axis=0)
        return replace(self, weights=weights, geometry=None)


def quantized_layer(module: fx.GraphModule, node: fx.Node) -> QuantizedLayer | None:
    """The layer that a node computes; None for other operators and for layers that no integer kernel takes."""
    form = FORMS.get(node.target)
    if form is None or form.activation is None or node.kwargs:
        return None
    if node.target is _aten.linear.default:
        return _matrix(module, node)
    if node.target in _TRANSPOSED:
        return _transposed(module, node, _TRANSPOSED[node.target])
    dimensions = _DIMENSIONS.get(node.target)
    return None if dimensions is None else _convolution(module, node, dimensions)


def value_of(module: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The tensor that a node reads from the module."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    return operator.attrgetter(str(node.target))(module)


def integer_constant(module: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The quantised tensor that a node dequantises, where its integers are a constant."""
    if not isinstance(node, fx.Node) or node.target not in {DEQUANTIZE, DEQUANTIZE_CHANNELS}:
        return None
    integers = value_of(module, node.args[0])
    if integers is None:
        return None
    if node.target is DEQUANTIZE:
        scale: Any = node.args[1]
        return _aten._make_per_tensor_quantized_tensor(integers, scale, 0)
    scales = value_of(module, node.args[1])
    axis: Any = node.args[3]
    if scales is None:
        return None
    zeros = torch.zeros(scales.shape, dtype=torch.int64)
    return _aten._make_per_channel_quantized_tensor(integers, scales.detach(), zeros, axis)


def _matrix(module: fx.GraphModule, node: fx.Node) -> QuantizedLayer | None:
    activation, given, *rest = node.args
    weights, bias_of = integer_constant(module, given), rest[0] if rest else None
    if weights is None or weights.dim() != 2 or not isinstance(activation, fx.Node):
        return None
    if activation.meta["val"].dim() < 2:
        return None  # the engines refuse a vector
    bias = value_of(module, bias_of)
    if bias_of is not None and (bias is None or bias.shape != weights.shape[:1]):
        return None
    return QuantizedLayer(node=node, activation=activation, weights=weights, bias=_plain(bias))


def requantized(like: torch.Tensor, integers: torch.Tensor, *, axis: int) -> torch.Tensor:
    """Other integers with the scales of quantised weights, which count along `axis` of them."""
    if like.qscheme() == torch.per_tensor_affine:
        return _aten._make_per_tensor_quantized_tensor(integers, like.q_scale(), 0)
    scales, zeros = like.q_per_channel_scales(), like.q_per_channel_zero_points()
    return _aten._make_per_channel_quantized_tensor(integers, scales, zeros, axis)


def _convolution(module: fx.GraphModule, node: fx.Node, dimensions: int) -> QuantizedLayer | None:
    weights = integer_constant(module, node.args[1])
    activation = node.args[0]
    given: Any = node.args[2] if len(node.args) > 2 else None
    bias = value_of(module, given)
    if weights is None or not isinstance(activation, fx.Node) or (given is not None and bias is None):
        return None
    if activation.meta["val"].dim() != dimensions + 2:
        return None
    kernel = tuple(weights.shape[2:])
    return QuantizedLayer(
        node=node, activation=activation, weights=weights, bias=_plain(bias), geometry=_geometry(node, kernel)
    )


def _transposed(module: fx.GraphModule, node: fx.Node, dimensions: int) -> QuantizedLayer | None:
    layer = _convolution(module, node, dimensions)
    spreading = None if layer is None else spreading_of(node, layer.weights.shape[2:])
    if layer is None or spreading is None:
        return None
    weights, outputs = layer.weights, int(layer.weights.shape[1])
    integers = spread_weights(weights.int_repr(), spreading)
    if weights.qscheme() == torch.per_tensor_affine:
        spread = requantized(weights, integers, axis=0)
    else:
        scales = spread_channels(weights.q_per_channel_scales(), spreading, outputs)
        zeros = torch.zeros(scales.shape, dtype=torch.int64)
        spread = _aten._make_per_channel_quantized_tensor(integers, scales, zeros, 0)
    ones = (1,) * dimensions
    return replace(
        layer,
        weights=spread,
        bias=None if layer.bias is None else spread_channels(layer.bias, spreading, outputs),
        geometry=Geometry(
            stride=ones, padding=(0,) * dimensions, dilation=ones, groups=spreading.groups, pads=spreading.pads
        ),
        places=spreading.places(outputs),
    )


def _geometry(node: fx.Node, kernel: Sequence[int]) -> Geometry:
    given: list[Any] = [1, 0, 1, 1]
    given[: len(node.args[3:])] = node.args[3:]
    stride, padding, dilation, groups = given
    rank = len(kernel)
    steps, holes = _spread(stride, rank), _spread(dilation, rank)
    if padding == "valid":
        padding = 0
    if padding != "same":
        return Geometry(stride=steps, padding=_spread(padding, rank), dilation=holes, groups=groups)
    missing = [hole * (size - 1) for hole, size in zip(holes, kernel, strict=True)]
    halves = tuple(total // 2 for total in missing)
    # torch puts the odd one behind.
    pads = [part for total in reversed(missing) for part in (0, total % 2)]
    return Geometry(stride=steps, padding=halves, dilation=holes, groups=groups, pads=tuple(pads) if any(pads) else ())


def _spread(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One number for each dimension."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(value) if len(value) == rank else tuple(value) * rank


def _plain(bias: torch.Tensor | None) -> torch.Tensor | None:
    return None if bias is None else bias.detach().contiguous()

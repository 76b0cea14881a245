"""Rewrites the flat module of a quantised program into torch's quantised operators, which compute in integers.

torch's kernels take unsigned integers: the same steps, each integer 128 higher. What no kernel takes stays as it is,
in float between a dequantize and a quantize, so that it gives what the simulation gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from .quantization.operators import (
    DEQUANTIZE,
    DEQUANTIZE_CHANNELS,
    DEQUANTIZE_CHOSEN,
    QUANTIZE,
)
from .torchscript_dynamic import dynamic_layer, rounded_as_it_runs
from .torchscript_execution import keep_account
from .torchscript_packing import QuantizedLayer, quantized_layer, value_of
from .torchscript_patches import convolved, has_kernel_everywhere, is_better_as_product, walk_of
from .torchscript_spread import interleaved

_aten = torch.ops.aten
_quantized = torch.ops.quantized

_HIGHER = 128
_HIGHEST = 255
_ENDLESS = (float("-inf"), float("inf"))
# The bounds of activations that are not given any.
_CLIPS: dict[Any, tuple[float, float]] = {
    _aten.relu.default: (0.0, float("inf")),
    _aten.relu_.default: (0.0, float("inf")),
    _aten.relu6.default: (0.0, 6.0),
    _aten.hardtanh.default: (-1.0, 1.0),
    _aten.hardtanh_.default: (-1.0, 1.0),
    _aten.clamp.default: _ENDLESS,
}
# What torch does to quantised tensors as to others, the scale kept.
_MOVING = frozenset(
    {
        _aten.max_pool2d.default,
        _aten.flatten.using_ints,
        _aten.view.default,
        _aten.reshape.default,
        _aten.permute.default,
        _aten.transpose.int,
        _aten.squeeze.default,
        _aten.squeeze.dim,
        _aten.squeeze.dims,
        _aten.unsqueeze.default,
        _aten.slice.Tensor,
        _aten.select.int,
        _aten.dropout.default,
        _aten.constant_pad_nd.default,
        _aten.pad.default,
    }
)
_ADDING = frozenset({_aten.add.Tensor, _aten.add_.Tensor})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clip:
    """At which ends the grid holds numbers that a clip cuts off."""

    low: bool
    high: bool


@dataclass(frozen=True, slots=True)
class _Grid:
    """The scale of a tensor, with the zero point among unsigned integers."""

    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        """The least number it can hold."""
        return -self.zero_point * self.scale

    @property
    def high(self) -> float:
        """The greatest."""
        return (_HIGHEST - self.zero_point) * self.scale

    def clips(self, low: float, high: float) -> _Clip:
        """At which ends a clip would change an integer: it may end where the grid does, but for a rounding."""
        half = self.scale / 2
        return _Clip(low=low > self.low + half, high=high < self.high - half)


def with_integers(module: fx.GraphModule) -> fx.GraphModule:
    """The module with its quantised layers in integers, without the constants that nobody reads any more."""
    _Integers(module).write()
    module.graph.eliminate_dead_code()
    return fx.GraphModule(module, module.graph)


class _Integers:
    """`_tensors` are the quantised tensors by the float node that stands for their numbers."""

    def __init__(self, module: fx.GraphModule) -> None:
        self._module = module
        self._graph = module.graph
        self._tensors: dict[fx.Node, fx.Node] = {}
        self._grids: dict[fx.Node, _Grid] = {}

    def write(self) -> None:
        """Rewrite every node, in order: what a node reads has been rewritten before it."""
        for node in list(self._graph.nodes):
            with self._graph.inserting_before(node):
                if node.target is QUANTIZE:
                    self._quantize(node)
                elif node.target is DEQUANTIZE_CHOSEN:
                    self._measure(node)
        for node in list(self._graph.nodes):
            with self._graph.inserting_before(node):
                if node.target in {DEQUANTIZE, DEQUANTIZE_CHANNELS} and node.users:
                    self._stored(node)

    def _quantize(self, node: fx.Node) -> None:
        value, scale, zero_point = node.args[:3]
        grid = _Grid(scale, zero_point + _HIGHER)  # type: ignore[arg-type, operator]
        made = self._computed(value, grid) if isinstance(value, fx.Node) and len(value.users) == 1 else None
        if made is None:
            made = self._graph.call_function(torch.quantize_per_tensor, (value, scale, grid.zero_point, torch.quint8))
        for reader in [user for user in node.users if user.target is DEQUANTIZE]:
            with self._graph.inserting_before(reader):
                real = self._graph.call_method("dequantize", (made,))
            real.meta["val"] = reader.meta["val"]
            reader.replace_all_uses_with(real)
            self._tensors[real] = made
            self._grids[real] = grid

    def _computed(self, value: fx.Node, grid: _Grid) -> fx.Node | None:
        """The quantised tensor of `value`, computed in integers; None where there is no kernel for that."""
        source, low, high = _unclipped(value)
        clip = grid.clips(low, high)
        relu = clip.low and low == 0
        for compute in (self._layer, self._sum, self._joined, self._moved):
            made = compute(source, grid, relu=relu)
            if made is not None:
                # Each operator does a ReLU itself. QNNPACK wants both bounds.
                bounds = (low if clip.low else grid.low, high if clip.high else grid.high)
                cut = clip.high or (clip.low and not relu)
                return self._graph.call_function(torch.clamp, (made, *bounds)) if cut else made
        return None

    def _layer(self, node: fx.Node, grid: _Grid, *, relu: bool) -> fx.Node | None:
        layer = quantized_layer(self._module, node)
        if layer is None or layer.activation not in self._tensors:
            return None
        source = self._tensors[layer.activation]
        walk = walk_of(layer)
        if walk is None and not has_kernel_everywhere(layer):
            return None
        if walk is not None and is_better_as_product(layer):
            arguments = (source, self._packed(layer.as_product()), (grid.scale, grid.zero_point), walk)
            made = self._graph.call_function(convolved, arguments, {"relu": relu})
        else:
            if layer.geometry is not None and layer.geometry.pads:
                source = self._graph.call_function(torch.constant_pad_nd, (source, list(layer.geometry.pads), 0.0))
            compute = getattr(_quantized, layer.operator + ("_relu" if relu else ""))
            made = self._graph.call_function(compute, (source, self._packed(layer), grid.scale, grid.zero_point))
        keep_account(made, node)
        return self._in_places(made, layer)

    def _in_places(self, made: fx.Node, layer: QuantizedLayer) -> fx.Node:
        return made if layer.places is None else self._graph.call_function(interleaved, (made, layer.places))

    def _packed(self, layer: QuantizedLayer) -> fx.Node:
        name = f"{layer.node.name}_packed"
        setattr(self._module, name, layer.packed())
        # Not by get_attr: packed weights are objects, and it warns of what is neither a tensor nor a module.
        return self._graph.create_node("get_attr", name)

    def _sum(self, node: fx.Node, grid: _Grid, *, relu: bool) -> fx.Node | None:
        terms = node.args[:2]
        if node.target not in _ADDING or node.kwargs or any(term not in self._tensors for term in terms):
            return None
        add = _quantized.add_relu if relu else _quantized.add
        sources = [self._tensors[term] for term in terms]  # type: ignore[index]
        return self._graph.call_function(add, (*sources, grid.scale, grid.zero_point))

    def _joined(self, node: fx.Node, grid: _Grid, *, relu: bool) -> fx.Node | None:
        if node.target is not _aten.cat.default:
            return None
        parts: Any = node.args[0]
        if any(part not in self._tensors for part in parts):
            return None
        axis: Any = node.args[1] if len(node.args) > 1 else 0
        join = _quantized.cat_relu if relu else _quantized.cat
        tensors = [self._tensors[part] for part in parts]
        axis %= node.meta["val"].dim()
        return self._graph.call_function(join, (tensors, axis, grid.scale, grid.zero_point))

    def _moved(self, node: fx.Node, grid: _Grid, *, relu: bool) -> fx.Node | None:
        """The same operator on the quantised tensor, where the scale stays."""
        source = node if node in self._tensors else node.args[0] if node.target in _MOVING else None
        if not isinstance(source, fx.Node) or source not in self._tensors or self._grids[source] != grid:
            return None
        made = self._tensors[source]
        if source is not node:
            made = self._graph.node_copy(node, lambda argument: self._tensors.get(argument, argument))
            if made.target is _aten.view.default:
                made.target = _aten.reshape.default  # a kernel before may have put the channels last
        return self._graph.call_function(torch.relu, (made,)) if relu else made

    def _measure(self, node: fx.Node) -> None:
        """A value that is rounded with the scale it has as it runs: the layers that read it do so by themselves."""
        value: Any = node.args[0].args[0]  # type: ignore[union-attr]
        for user in list(node.users):
            with self._graph.inserting_before(user):
                layer = quantized_layer(self._module, user)
                compute = None if layer is None or layer.activation is not node else dynamic_layer(layer)
                if compute is None:
                    continue
                packed = self._packed(compute.layer)
                made = self._graph.call_function(compute.function, (value, packed, *compute.arguments))
                keep_account(made, user)
                result = self._in_places(made, compute.layer)
            result.meta["val"] = user.meta["val"]
            user.replace_all_uses_with(result)
        if any(user.op == "output" or user.users for user in node.users):
            rounded = self._graph.call_function(rounded_as_it_runs, (value,))
            rounded.meta["val"] = node.meta["val"]
            node.replace_all_uses_with(rounded)

    def _stored(self, node: fx.Node) -> None:
        """Integers that are a constant, for a layer that computes in float: multiplied by their scales as it runs."""
        integers = node.args[0]
        real = self._graph.call_method("to", (integers, torch.float32))
        steps: Any = node.args[1]
        if node.target is DEQUANTIZE_CHANNELS:
            steps = self._spread(steps, node.args[3], node.meta["val"].dim())
        product = self._graph.call_function(torch.mul, (real, steps))
        product.meta["val"] = node.meta["val"]
        node.replace_all_uses_with(product)

    def _spread(self, scales: Any, axis: Any, rank: int) -> fx.Node:
        """The scales of an axis in a shape that multiplies the whole tensor."""
        values = value_of(self._module, scales)
        if values is None:
            return scales
        name = f"{scales.name}_by_axis"
        shape = [-1 if place == axis else 1 for place in range(rank)]
        self._module.register_buffer(name, values.detach().reshape(shape).contiguous())
        return self._graph.get_attr(name)


def _unclipped(node: fx.Node) -> tuple[fx.Node, float, float]:
    """What an activation clips, and to which range; an operator that clips nothing itself."""
    source = node.args[0] if node.args else None
    if node.target not in _CLIPS or node.kwargs or not isinstance(source, fx.Node):
        return node, *_ENDLESS
    low, high = _CLIPS[node.target]
    given: list[Any] = [*node.args[1:3], None, None]
    return source, low if given[0] is None else float(given[0]), high if given[1] is None else float(given[1])

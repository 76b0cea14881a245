"""Moves the spread between channels from activations into weights, where each output channel has a scale of its own.

A tensor x that layers read becomes x / s, their weights W become W s: the same product, and a tensor whose channels no
longer need such different scales (Xiao et al., SmoothQuant, 2022, with the exponent chosen for each tensor).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import fx
from torch.export import ExportedProgram

from ..passes.constants import ConstantEdit
from .layers import FORMS, Layer, layers_of
from .operators import WEIGHT_MAX
from .statistics import Statistics, channel_axis, value_name

_aten = torch.ops.aten
_EXPONENTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_LEAST_SHARE = 0.1  # a channel that calibration hardly used may come alive later: it is not blown up further
_LEAST_GAIN = 0.7  # the error that must be left for another operator to be worth it
_ROUNDED_BETTER = 0.5  # of the error of plain rounding, about what is left after rounding.py
_LEVELS = 255


def factors_for(program: ExportedProgram, statistics: Statistics, tensors: Sequence[str]) -> dict[str, torch.Tensor]:
    """Divisors by channel for those of the tensors where they reduce the error of the layers that read them."""
    readers: dict[str, list[Layer]] = {}
    for layer in layers_of(program):
        if value_name(layer) in tensors:
            readers.setdefault(value_name(layer), []).append(layer)
    found = {name: _factors(layers, statistics) for name, layers in readers.items() if _alike(layers, statistics)}
    return {name: factors for name, factors in found.items() if factors is not None}


def equalised(program: ExportedProgram, factors: Mapping[str, torch.Tensor]) -> ExportedProgram:
    """The program with those tensors divided, and the weights that meet them multiplied; it computes the same."""
    if not factors:
        return program
    edit = ConstantEdit(program)
    nodes = {node.name: node for node in edit.graph.nodes}
    divided: dict[str, fx.Node] = {}
    for layer in layers_of(program):
        name = value_name(layer)
        if name not in factors:
            continue
        if name not in divided:
            divided[name] = _divide(edit, nodes[name], factors[name], channel_axis(layer))
        form = FORMS[layer.node.target]
        node = nodes[layer.name]
        node.update_arg(form.activation or 0, divided[name])
        scaled = _on_inputs(layer, layer.values, factors[name])
        node.update_arg(form.weights, edit.add(f"{layer.weights.name}_equalised", scaled.contiguous()))
    edit.drop_unused()
    return edit.program()


def _divide(edit: ConstantEdit, node: fx.Node, factors: torch.Tensor, axis: int) -> fx.Node:
    rank = node.meta["val"].dim()
    shape = [-1 if place == axis % rank else 1 for place in range(rank)]
    constant = edit.add(f"{node.name}_divisor", (1 / factors).reshape(shape).contiguous())
    with edit.graph.inserting_after(node):
        return edit.writer(node).call(_aten.mul.Tensor, node, constant)


def _on_inputs(layer: Layer, values: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """The weights with each input channel multiplied."""
    axis = 1 - layer.axis
    return values * factors.reshape([-1 if place == axis else 1 for place in range(values.dim())])


def _alike(layers: Sequence[Layer], statistics: Statistics) -> bool:
    """Whether all readers sum over the same channels, ungrouped, and their second moments are known."""
    return len({channel_axis(layer) for layer in layers}) == 1 and all(
        layer.groups == 1 and "transpose" not in layer.operator and statistics.moments(layer.name) is not None
        for layer in layers
    )


def _factors(layers: Sequence[Layer], statistics: Statistics) -> torch.Tensor | None:
    largest = statistics.largest[layers[0].name]
    largest = largest.clamp(min=float(largest.max()) * _LEAST_SHARE)
    if not float(largest.max()) > 0:
        return None
    met = torch.stack([_by_inputs(layer).abs().amax(dim=1) for layer in layers]).amax(dim=0)
    met = met.clamp(min=float(met.max()) * _LEAST_SHARE)
    choices = [_normalised(largest**exponent / met ** (1 - exponent)) for exponent in _EXPONENTS]
    errors = [_error(layers, statistics, largest, factors) for factors in choices]
    unequalised = _error(layers, statistics, largest, torch.ones_like(largest))
    least = min(range(len(choices)), key=errors.__getitem__)
    return choices[least] if errors[least] < _LEAST_GAIN * unequalised else None


def _normalised(factors: torch.Tensor) -> torch.Tensor:
    return factors / factors.log().mean().exp()


def _by_inputs(layer: Layer) -> torch.Tensor:
    """The weights as (input channels, everything else)."""
    values = layer.values.movedim(1 - layer.axis, 0)
    return values.reshape(values.shape[0], -1)


def _error(layers: Sequence[Layer], statistics: Statistics, largest: torch.Tensor, factors: torch.Tensor) -> float:
    """The mean squared error of the layers' results: from rounding the tensor, and from rounding their weights."""
    step = 2 * (largest / factors).max() / _LEVELS
    total = 0.0
    for layer in layers:
        scaled = _on_inputs(layer, layer.values, factors)
        total += float(step**2 / 12 * scaled.square().sum())
        total += _ROUNDED_BETTER * _error_of_weights(layer, scaled, factors, statistics)
    return total


def _error_of_weights(layer: Layer, scaled: torch.Tensor, factors: torch.Tensor, statistics: Statistics) -> float:
    rows = scaled.movedim(layer.axis, 0).reshape(scaled.shape[layer.axis], -1)
    scales = rows.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny) / WEIGHT_MAX
    repeats = rows.shape[1] // factors.numel()
    wrong = (torch.round(rows / scales) * scales - rows) / factors.repeat_interleave(repeats)
    moments = statistics.moments(layer.name)
    return 0.0 if moments is None else float(((wrong @ moments[0]) * wrong).sum())

"""Makes a recipe for a prepared program: which layers compute how, and the scale of every integer tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import torch
from torch import fx
from torch.export import ExportedProgram

from ...precision import Precision
from ...quantization.observers import Range
from ...quantization.recipe import Compute, LayerRecipe, TensorRecipe
from .domain import Domain, integer_domain
from .layers import Layer, layers_of, module_of
from .recurrent import LOOP, REASON, feeds_loop, loop_macs, loop_matrices

_COMPUTES = {
    Precision.INT8: Compute.INT8,
    Precision.INT8_FULL: Compute.INT8,
    Precision.INT16X8: Compute.INT8,
    Precision.INT8_DYNAMIC: Compute.INT8_DYNAMIC,
    Precision.INT8_WEIGHTS: Compute.INT8_WEIGHTS,
}
_MATRIX = "linear"
_SPARED = "its result is read in float: with the input measured as it runs, the result is not rounded"


def layer_recipes(program: ExportedProgram, precision: Precision) -> tuple[LayerRecipe, ...]:
    """Every layer with how it computes in that precision, and after them the loops of recurrent layers."""
    layers = list(layers_of(program))
    made = tuple(_layer_recipe(layer, _COMPUTES[precision]) for layer in layers)
    if precision is Precision.INT8:
        measured = _read_in_float(program, made)
        made = tuple(_measured(recipe) if recipe.name in measured else recipe for recipe in made)
    return (*made, *_loop_recipes(program))


def _loop_recipes(program: ExportedProgram) -> Iterator[LayerRecipe]:
    for loop, group in groupby(loop_matrices(program), key=lambda matrix: matrix.reader):
        matrices = list(group)
        yield LayerRecipe(
            name=loop.name,
            operator=LOOP,
            module=module_of(loop),
            macs=loop_macs(matrices),
            weights=sum(matrix.values.numel() for matrix in matrices),
            axis=1,
            compute=Compute.INT8_WEIGHTS,
            reason=REASON,
        )


def _layer_recipe(layer: Layer, compute: Compute) -> LayerRecipe:
    reason = REASON if feeds_loop(layer) else ""
    return LayerRecipe(
        name=layer.name,
        operator=layer.operator,
        module=layer.module,
        macs=layer.macs,
        weights=layer.values.numel(),
        axis=layer.axis,
        compute=Compute.INT8_WEIGHTS if reason or layer.activation is None else compute,
        reason=reason,
    )


def _measured(recipe: LayerRecipe) -> LayerRecipe:
    return replace(recipe, compute=Compute.INT8_DYNAMIC, reason=_SPARED)


def _read_in_float(program: ExportedProgram, recipes: Iterable[LayerRecipe]) -> set[str]:
    """Matrix layers whose result nobody reads as integers: an output, or the input of a softmax, norm or residual."""
    domain = domain_of(program, recipes)
    integer = set(domain.tensors.values())
    last = {by.name: tensor for tensor, by in domain.tensors.items() if by is not None}
    return {
        recipe.name
        for recipe in recipes
        if recipe.operator == _MATRIX and recipe.name in last and not integer.intersection(last[recipe.name].users)
    }


def tensor_recipes(
    program: ExportedProgram, layers: Iterable[LayerRecipe], choose: Callable[[fx.Node], Range]
) -> tuple[TensorRecipe, ...]:
    """The integer tensors of those layers, each with the scale that `choose` gives; tied tensors share one."""
    domain = domain_of(program, layers)
    ranges = _tied({node: choose(node) for node in domain.tensors}, domain)
    return tuple(_tensor_recipe(node, computed_by, ranges[node]) for node, computed_by in domain.tensors.items())


def domain_of(program: ExportedProgram, layers: Iterable[LayerRecipe]) -> Domain:
    """The integer tensors between those of the layers that compute in integers."""
    wanted = {layer.name for layer in layers if layer.compute is Compute.INT8}
    found = {layer.node: layer.activation for layer in layers_of(program) if layer.name in wanted}
    return integer_domain(program.graph, {node: value for node, value in found.items() if value is not None})


def _tied(ranges: dict[fx.Node, Range], domain: Domain) -> dict[fx.Node, Range]:
    """The same range for tensors that share one: of those tied, the least low and the greatest high."""
    groups = {node: {node} for node in ranges}
    for left, right in domain.ties:
        joined = groups[left] | groups[right]
        groups.update(dict.fromkeys(joined, joined))
    return {node: _widest([ranges[member] for member in ranges if member in group]) for node, group in groups.items()}


def _widest(ranges: list[Range]) -> Range:
    first = ranges[0]
    low, high = min(item.low for item in ranges), max(item.high for item in ranges)
    return Range(low=low, high=high, observer=first.observer, error=first.error)


def _tensor_recipe(node: fx.Node, computed_by: fx.Node | None, chosen: Range) -> TensorRecipe:
    return TensorRecipe(
        name=node.name,
        computed_by="" if computed_by is None else computed_by.name,
        low=chosen.low,
        high=chosen.high,
        scale=float(torch.tensor(chosen.scale, dtype=torch.float32)),
        zero_point=chosen.zero_point,
        observer=chosen.observer,
    )

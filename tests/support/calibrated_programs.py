"""Small prepared programs, calls to calibrate them with, and recipes for them, for tests of the quantiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.quantization.layers import layers_of
from edgeproof.converters.from_torch.quantization.making import Calls, Wish
from edgeproof.converters.from_torch.quantization.planning import domain_of, layer_recipes, tensor_recipes
from edgeproof.converters.from_torch.quantization.prepare import fingerprint_of, prepared
from edgeproof.converters.from_torch.quantization.statistics import Tensors, gather
from edgeproof.converters.from_torch.quantization.trial import runner_of
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.recipe import LayerRecipe, Recipe


def program_of(function: Callable[..., Any], parts: Sequence[nn.Module], *inputs: torch.Tensor) -> ExportedProgram:
    """The function of modules and tensors as the quantiser takes it."""
    module = Flat(function, *parts)
    module.requires_grad_(requires_grad=False)
    return prepared(exported(module, inputs))


def calls_like(*inputs: torch.Tensor, count: int = 8, seed: int = 0) -> list[Tensors]:
    """Random calls of the inputs' shapes; integers stay as they are."""
    generator = torch.Generator().manual_seed(seed)
    return [
        tuple(torch.randn(one.shape, generator=generator) if one.is_floating_point() else one for one in inputs)
        for _ in range(count)
    ]


def read_again(calls: Sequence[Tensors]) -> Calls:
    """The calls as the quantiser reads them."""
    return Calls(read=lambda: iter(calls), count=len(calls), sha256="0" * 64)


def wish(precision: Precision = Precision.INT8, *, outputs: int = 1, budget: str | None = None) -> Wish:
    return Wish(precision=precision, source="net", outputs=[f"out_{index}" for index in range(outputs)], budget=budget)


def recipe_of(
    program: ExportedProgram,
    calls: Sequence[Tensors],
    precision: Precision = Precision.INT8,
    *,
    layers: tuple[LayerRecipe, ...] | None = None,
) -> Recipe:
    """A recipe with every scale by the extremes of the calls."""
    layers = layers or layer_recipes(program, precision)
    seen = gather(program, calls, tensors=[node.name for node in domain_of(program, layers).tensors], layers=())
    return Recipe(
        precision=precision,
        source="net",
        program=fingerprint_of(program),
        layers=layers,
        tensors=tensor_recipes(program, layers, lambda node: seen.histograms[node.name].ranges()[0]),
    )


def run(program: ExportedProgram, call: Tensors) -> list[torch.Tensor]:
    return [torch.from_numpy(value) for value in runner_of(program)(call)]


def decibels(reference: torch.Tensor, other: torch.Tensor) -> float:
    """The ratio of signal to noise."""
    return float(10 * torch.log10(reference.square().sum() / (reference - other).square().sum()))


def nodes_of(program: ExportedProgram, target: Any) -> list[Any]:
    return list(program.graph.find_nodes(op="call_function", target=target))


def operators_of(program: ExportedProgram) -> list[str]:
    """The operators in order: "conv2d", "quantize_per_tensor"."""
    return [str(node.target).split(".")[1] for node in program.graph.nodes if node.op == "call_function"]


def names_of(program: ExportedProgram) -> list[str]:
    """The names of the layers."""
    return [layer.name for layer in layers_of(program)]

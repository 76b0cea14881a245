"""Small models whose layers are quantised each in the way that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from calibrated_programs import recipe_of
from torch import nn
from torch.export import ExportedProgram
from torch_lowering import Flat, exported

from edgeproof.converters.from_torch.quantization.planning import layer_recipes
from edgeproof.converters.from_torch.quantization.prepare import prepared
from edgeproof.converters.from_torch.quantization.quantize import quantize
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.recipe import Compute, Granularity


@dataclass(frozen=True)
class Case:
    """A function of modules and tensors, its modules, and the shapes of its inputs."""

    function: Callable[..., Any]
    parts: Sequence[nn.Module]
    shapes: Sequence[tuple[int, ...]] = ((2, 8, 12, 12),)

    def module(self) -> nn.Module:
        torch.manual_seed(1)
        return Flat(self.function, *self.parts).requires_grad_(requires_grad=False)

    def inputs(self) -> tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(2)
        return tuple(torch.randn(shape, generator=generator) for shape in self.shapes)


class Looking(Case):
    """A case whose input is an index."""

    def inputs(self) -> tuple[torch.Tensor, ...]:
        return (torch.tensor([[3, 0, 49]]),)


def quantised(
    case: Case,
    compute: Compute = Compute.INT8,
    *,
    dynamic: Any = None,
    floats: Sequence[str] = (),
    granularity: Granularity = Granularity.PER_CHANNEL,
) -> ExportedProgram:
    """The case with every layer computed so but `floats`, scales by the least and the greatest value."""
    program = prepared(exported(case.module(), case.inputs(), dynamic))
    layers = tuple(
        replace(layer, granularity=granularity, compute=Compute.FP32 if layer.name in floats else compute)
        for layer in layer_recipes(program, Precision.INT8)
    )
    return quantize(program, recipe_of(program, [case.inputs()], layers=layers))


def conv(*arguments: Any, **options: Any) -> nn.Conv2d:
    torch.manual_seed(3)
    return nn.Conv2d(*arguments, **options)


def dense(*arguments: Any, **options: Any) -> nn.Linear:
    torch.manual_seed(4)
    return nn.Linear(*arguments, **options)


def apply(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return layer(x)


WEIGHTS = torch.randn(8, 5, generator=torch.Generator().manual_seed(5))


class Product(nn.Module):
    """A matrix with the output channels last."""

    def __init__(self, product: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.matrix = nn.Parameter(WEIGHTS)
        self.bias = nn.Parameter(WEIGHTS[0])
        self.product = product

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.product(self, x)

"""A recipe with its weights, and the programs it makes of a source's program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.export import ExportedProgram

from ...errors import UsageError
from ...quantization.files import StoredWeights, read_recipe
from ...quantization.recipe import Granularity, Recipe
from .equalise import equalised
from .layers import layers_of
from .prepare import fingerprint_of, prepared
from .quantize import quantize
from .weights import IntegerWeights, integer_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """A recipe, the weights that were rounded on calibration inputs, and the divisors of equalised tensors."""

    recipe: Recipe
    weights: Mapping[str, IntegerWeights] = field(default_factory=dict[str, IntegerWeights])
    divisors: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])

    def floating(self, program: ExportedProgram, *, whole_recurrent: bool = False) -> ExportedProgram:
        """The source's program as it is quantised: prepared and equalised, in float."""
        return equalised(prepared(program, whole_recurrent=whole_recurrent), self.divisors)

    def quantized(self, program: ExportedProgram, *, whole_recurrent: bool = False) -> ExportedProgram:
        """The source's program, quantised."""
        return quantize(self.floating(program, whole_recurrent=whole_recurrent), self.recipe, self.weights)

    def weights_of(self, floating: ExportedProgram) -> dict[str, IntegerWeights]:
        """The integer weights of every layer of `floating` that the recipe knows."""
        known = self.recipe.by_layer
        return {
            layer.name: self.weights.get(layer.name)
            or integer_weights(
                layer.values, layer.axis if known[layer.name].granularity is Granularity.PER_CHANNEL else None
            )
            for layer in layers_of(floating)
            if layer.name in known
        }

    def stored(self) -> StoredWeights:
        """The arrays to keep beside the recipe."""
        return StoredWeights(
            integers={name: made.integers.numpy() for name, made in self.weights.items()},
            scales={name: made.scales.numpy() for name, made in self.weights.items()},
            divisors={name: values.numpy() for name, values in self.divisors.items()},
        )


def read_quantization(path: Path) -> Quantization:
    """Read what was written for one precision of one model; UsageError for files that cannot be read."""
    recipe, stored = read_recipe(path)
    if stored.integers.keys() != stored.scales.keys() or not stored.integers.keys() <= recipe.by_layer.keys():
        raise UsageError(
            f"{path} and the weights beside it do not belong together", fix="keep both files as one run wrote them"
        )
    return Quantization(
        recipe=recipe,
        weights={
            name: _weights(integers, stored.scales[name], recipe, name) for name, integers in stored.integers.items()
        },
        divisors={name: torch.from_numpy(values) for name, values in stored.divisors.items()},
    )


def require_fit(recipe: Recipe, program: ExportedProgram) -> None:
    """Raise UsageError if a recipe was made for another program than this one, which is prepared."""
    if recipe.program != fingerprint_of(program):
        raise UsageError(
            f"the recipe was made for another model ({recipe.source}), or for other weights of this one",
            fix="make a recipe for this model: convert it with --calibration and without --recipe",
        )


def _weights(integers: np.ndarray, scales: np.ndarray, recipe: Recipe, name: str) -> IntegerWeights:
    layer = recipe.by_layer[name]
    return IntegerWeights(integers=torch.from_numpy(integers), scales=torch.from_numpy(scales), axis=layer.axis)

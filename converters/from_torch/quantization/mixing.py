"""Finds the cheapest layers to leave in float so that a budget is met: sensitivities first, then a short search."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from torch.export import ExportedProgram

from ...errors import QuantizationError
from ...quantization.budget import Budget
from ...quantization.cost import CostMeter, worst_noise
from ...quantization.observers import Range
from ...quantization.recipe import Compute, LayerRecipe, Recipe
from ...quantization.score import ScoreMeter
from .equalise import equalised
from .planning import tensor_recipes
from .quantization import Quantization
from .quantize import quantize
from .trial import Trial

# Multiply-accumulates for all sensitivities together, about a minute's; a limit in seconds would let the speed of the
# machine decide which layers are left in float.
_WORK = 250e9
_FEWEST_CALLS = 2
_TAKEN_BACK = 8
_ALLOW_MORE = "give a budget that allows more, or convert in fp32"
BUDGET_REASON = "left in float for the budget"
STORED_REASON = "computed in float for the budget, from 8-bit weights"


def within_budget(program: ExportedProgram, made: Quantization, trial: Trial, budget: Budget) -> Quantization:
    """The quantisation with as few multiply-accumulates in float as the budget was found to need.

    Layers go to float in the order of their noise per multiply-accumulate; how many is found by halving, with the whole
    model simulated each time; of those, as many as the budget allows keep their weights in 8 bits. Raises
    QuantizationError with the best that there is if the budget cannot be met, or only by a model in float.
    """
    mixing = _Mixing(equalised(program, made.divisors), made, trial)
    asked, budget = budget, budget.tightened()
    quantized = mixing.judged(())
    if budget.is_met(quantized):
        return made
    noises = mixing.sensitivities()
    layers = {layer.name: layer for layer in mixing.quantized}
    order = sorted(layers, key=lambda name: noises[name] / (layers[name].macs + layers[name].weights), reverse=True)
    if not budget.is_met(mixing.judged(order)):
        raise _cannot_be_met(asked, mixing.judged(order))
    floats = order[: _fewest(order, mixing, budget)]
    floats = _without_needless(floats, layers, mixing, budget)
    if len(floats) == len(order):
        raise _nothing_left(asked, quantized)
    stored = _stored_in_integers(floats, mixing, budget)
    return replace(made, recipe=_with_sensitivities(mixing.recipe(floats, stored), noises))


class _Mixing:
    """A quantisation with some of its layers back in float."""

    def __init__(self, program: ExportedProgram, made: Quantization, trial: Trial) -> None:
        self._program = program
        self._made = made
        self._trial = trial
        self.quantized = [layer for layer in made.recipe.layers if layer.compute is not Compute.FP32]

    def recipe(self, floats: Collection[str], stored: Collection[str] = ()) -> Recipe:
        """The recipe with those layers in float, some of them from weights stored in 8 bits; every scale as it was."""
        known = self._made.recipe.by_tensor
        layers = tuple(
            _in_float(layer, stored=layer.name in stored) if layer.name in floats else layer
            for layer in self._made.recipe.layers
        )

        def choose(name: str) -> Range:
            tensor = known[name]
            return Range(low=tensor.low, high=tensor.high, observer=tensor.observer, error=0.0)

        tensors = tensor_recipes(self._program, layers, lambda node: choose(node.name)) if known else ()
        return replace(self._made.recipe, layers=layers, tensors=tensors)

    def judged(self, floats: Collection[str], stored: Collection[str] = ()) -> list[CostMeter | ScoreMeter]:
        """What is lost with those layers in float, as a budget judges it."""
        return self._trial.judged(quantize(self._program, self.recipe(floats, stored), self._made.weights))

    def sensitivities(self) -> dict[str, float]:
        """The noise that each layer makes when it alone is quantised, on as many calls as the work allows."""
        names = [layer.name for layer in self.quantized]
        per_call = sum(layer.macs for layer in self._made.recipe.layers)
        calls = max(_FEWEST_CALLS, int(_WORK / max(per_call * len(names), 1)))
        return {
            name: worst_noise(self._cost([other for other in names if other != name], at_most=calls)) for name in names
        }

    def _cost(self, floats: Collection[str], *, at_most: int) -> list[CostMeter]:
        program = quantize(self._program, self.recipe(floats), self._made.weights)
        return self._trial.cost(program, at_most=at_most)


def _in_float(layer: LayerRecipe, *, stored: bool) -> LayerRecipe:
    if not stored:
        return replace(layer, compute=Compute.FP32, reason=BUDGET_REASON)
    already = layer.compute is Compute.INT8_WEIGHTS
    return layer if already else replace(layer, compute=Compute.INT8_WEIGHTS, reason=STORED_REASON)


def _fewest(order: list[str], mixing: _Mixing, budget: Budget) -> int:
    """How many layers of the order are enough; with all of them the budget is met, with none it is not."""
    too_few, enough = 0, len(order)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if budget.is_met(mixing.judged(order[:middle])):
            enough = middle
        else:
            too_few = middle
    return enough


def _without_needless(floats: list[str], layers: dict[str, LayerRecipe], mixing: _Mixing, budget: Budget) -> list[str]:
    """The same without those of the most expensive layers that the budget is met without."""
    for name in sorted(floats, key=lambda name: layers[name].macs, reverse=True)[:_TAKEN_BACK]:
        rest = [other for other in floats if other != name]
        if budget.is_met(mixing.judged(rest)):
            floats = rest
    return floats


def _stored_in_integers(floats: list[str], mixing: _Mixing, budget: Budget) -> list[str]:
    """Those that keep their weights in 8 bits: all but the first of the order, as few of which as the budget needs."""
    too_few, enough = -1, len(floats)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if budget.is_met(mixing.judged(floats, floats[middle:])):
            enough = middle
        else:
            too_few = middle
    return floats[enough:]


def _with_sensitivities(recipe: Recipe, noises: dict[str, float]) -> Recipe:
    layers = (
        replace(layer, sqnr_db=_decibels(noises[layer.name])) if layer.name in noises else layer
        for layer in recipe.layers
    )
    return replace(recipe, layers=tuple(layers))


def _decibels(noise: float) -> float | None:
    return -10 * math.log10(noise) if 0 < noise < math.inf else None


def _cannot_be_met(budget: Budget, best: Sequence[CostMeter | ScoreMeter]) -> QuantizationError:
    return QuantizationError(
        f"the budget of {budget} cannot be met: with every layer that can be in float, the outputs keep {_found(best)}",
        fix=_ALLOW_MORE,
    )


def _nothing_left(budget: Budget, quantized: Sequence[CostMeter | ScoreMeter]) -> QuantizationError:
    return QuantizationError(
        f"the budget of {budget} leaves no layer in 8 bits: with all of them so, the outputs keep {_found(quantized)}",
        fix=_ALLOW_MORE,
    )


def _found(meters: Sequence[CostMeter | ScoreMeter]) -> str:
    return ", ".join(f"{meter.name} {_told(meter)}" for meter in meters)


def _told(meter: CostMeter | ScoreMeter) -> str:
    if isinstance(meter, ScoreMeter):
        return f"{meter.fall:.3g} lower"
    result = meter.result
    kept = "" if result.agreement is None else f" and {100 * result.agreement:.1f} % of decisions"
    return ("all of it" if result.sqnr_db is None else f"{result.sqnr_db:.1f} dB") + kept

"""Makes the quantisation of a model: from calibration calls to a recipe, rounded weights, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import QuantizationError
from ...precision import Precision
from ...quantization.budget import parse_budget
from ...quantization.cost import CostMeter, deciding, worst_noise
from ...quantization.observers import Range
from ...quantization.recipe import CalibrationRecord, Compute, LayerRecipe, Recipe
from ...quantization.score import Score
from .equalise import equalised, factors_for
from .layers import layers_of
from .mixing import within_budget
from .planning import domain_of, layer_recipes, tensor_recipes
from .prepare import fingerprint_of
from .quantization import Quantization
from .quantize import quantize, steps_of_outputs
from .recurrent import feeds_loop
from .rounding import rounded
from .statistics import Statistics, Tensors, gather, value_name
from .trial import Trial
from .weights import IntegerWeights, integer_weights

_TRIED = 16  # calls on which candidates are compared
_JUDGED = 192  # calls on which a budget is judged
_HELD_OUT_EVERY = 4
_FEWEST_TO_HOLD_OUT = 8
_LEAST_MEASURED_DB = 15.0  # of a layer's input, by row; the attention models of the benchmark have 18 at least
_WORTH_AN_OPERATOR = 0.8  # of the noise must be left, where dividing tensors costs time at every call


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calibration calls that can be read again and again: those scales come from, and those held out."""

    read: Callable[[], Iterator[Tensors]]
    count: int
    sha256: str

    @property
    def held_out(self) -> int:
        """How many are held out; none where there are too few to spare."""
        return self.count // _HELD_OUT_EVERY if self.count >= _FEWEST_TO_HOLD_OUT else 0

    def fitting(self) -> Iterator[Tensors]:
        """The calls that scales and weights are fitted to."""
        return (call for index, call in enumerate(self.read()) if not self._is_held_out(index))

    def judging(self) -> Iterator[Tensors]:
        """The calls that were held out, or all of them where none were."""
        return (call for index, call in enumerate(self.read()) if self._is_held_out(index) or not self.held_out)

    def _is_held_out(self, index: int) -> bool:
        return bool(self.held_out) and index % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: a precision, a source's name for the record, its outputs' names, perhaps a budget."""

    precision: Precision
    source: str
    outputs: Sequence[str]
    budget: str | None = None
    score: Score | None = None


def make(program: ExportedProgram, calls: Calls | None, wish: Wish) -> Quantization:
    """The quantisation of a prepared program; without calls, where none are needed, weights are rounded plainly.

    Raises QuantizationError if there is nothing to quantise or the budget cannot be met.
    """
    layers = layer_recipes(program, wish.precision)
    if not any(layer.compute is not Compute.FP32 for layer in layers):
        raise QuantizationError(
            "the model has no convolution, matrix product or embedding with weights of its own to quantise",
            fix="convert it in fp32",
        )
    recipe = Recipe(precision=wish.precision, source=wish.source, program=fingerprint_of(program), layers=layers)
    return Quantization(recipe=recipe) if calls is None else _Making(program, calls, wish).made(recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A quantisation and what it costs each output on the calls it was tried on."""

    made: Quantization
    cost: list[CostMeter]

    @property
    def noise(self) -> float:
        """That of the output that lost most."""
        return worst_noise(self.cost)


class _Making:
    def __init__(self, program: ExportedProgram, calls: Calls, wish: Wish) -> None:
        self._program = program
        self._calls = calls
        self._wish = wish
        self._trial = Trial(program, islice(calls.judging(), _TRIED), wish.outputs)

    def made(self, recipe: Recipe) -> Quantization:
        """The candidate with the least noise on the calls held out, within the budget if there is one."""
        record = CalibrationRecord(calls=self._calls.count, sha256=self._calls.sha256, held_out=self._calls.held_out)
        recipe = replace(recipe, calibration=record, budget=self._wish.budget)
        best = self._fitted(recipe, {})
        divisors = self._divisors(recipe) if self._wish.precision is not Precision.INT8_WEIGHTS else {}
        if divisors:
            other = self._fitted(recipe, divisors)
            best = other if other.noise < _WORTH_AN_OPERATOR * best.noise else best
        if self._wish.budget is not None:
            # Decisions are few: to see one in a hundred change takes more calls than to compare noise.
            trial = Trial(self._program, islice(self._calls.read(), _JUDGED), self._wish.outputs, self._wish.score)
            made = within_budget(self._program, best.made, trial, parse_budget(self._wish.budget))
            best = best if made is best.made else self._tried(made)
        steps = steps_of_outputs(self._simulation(best.made))
        decided = deciding(best.cost)
        cost = tuple(
            replace(meter.result, step=step, agreement=meter.result.agreement if meter in decided else None)
            for meter, step in zip(best.cost, steps, strict=True)
        )
        return replace(best.made, recipe=replace(best.made.recipe, cost=cost))

    def _divisors(self, recipe: Recipe) -> dict[str, torch.Tensor]:
        """For tensors that are float before layers read them: those that an integer kernel gives have one scale."""
        floats = [
            layer.activation.name
            for layer in layers_of(self._program)
            if layer.activation is not None and layer.activation.op != "placeholder"
        ]
        integers = {node.name for node, by in domain_of(self._program, recipe.layers).tensors.items() if by is not None}
        return factors_for(self._program, self._seen, [name for name in floats if name not in integers])

    def _fitted(self, recipe: Recipe, divisors: dict[str, torch.Tensor]) -> _Candidate:
        """Ranges and weights for a program that is equalised so."""
        program = equalised(self._program, divisors)
        tensors = [node.name for node in domain_of(program, recipe.layers).tensors]
        measured = {layer.name for layer in recipe.layers if layer.compute is Compute.INT8_DYNAMIC}
        layers = layers_of(program)
        seen = gather(program, self._calls.fitting(), tensors=tensors, layers=layers, measured=measured)
        if not divisors:
            self._seen = seen
        _require_finite(program, seen)
        recipe = replace(recipe, layers=tuple(_if_measurable(layer, seen) for layer in recipe.layers))
        weights = _weights(program, recipe.layers, seen)
        made = Quantization(recipe=recipe, weights=weights, divisors=divisors)
        if not tensors:
            return self._tried(made)
        recipes = (
            replace(recipe, tensors=tensor_recipes(program, recipe.layers, choose))
            for choose in (_least_error(seen), _extremes(seen))
        )
        return min((self._tried(replace(made, recipe=each)) for each in recipes), key=lambda each: each.noise)

    def _tried(self, made: Quantization) -> _Candidate:
        return _Candidate(made=made, cost=self._trial.cost(self._simulation(made)))

    def _simulation(self, made: Quantization) -> ExportedProgram:
        return quantize(equalised(self._program, made.divisors), made.recipe, made.weights)


def _if_measurable(layer: LayerRecipe, seen: Statistics) -> LayerRecipe:
    """A layer as it was, or with 8-bit weights alone where measuring would spoil its input."""
    if layer.compute is not Compute.INT8_DYNAMIC:
        return layer
    noise = seen.noise_of_measuring(layer.name)
    if noise < 10 ** (-_LEAST_MEASURED_DB / 10):
        return layer
    reason = f"single numbers stand out: with the range of a call for scale, its input would keep {_db(noise)} dB"
    return replace(layer, compute=Compute.INT8_WEIGHTS, reason=reason)


def _db(noise: float) -> str:
    return f"{-10 * math.log10(noise):.0f}"


def _weights(program: ExportedProgram, layers: Sequence[LayerRecipe], seen: Statistics) -> dict[str, IntegerWeights]:
    """The integer weights of every layer that has some: rounded on what it met, if that was remembered."""
    wanted = {layer.name for layer in layers if layer.compute is not Compute.FP32}
    found: dict[str, IntegerWeights] = {}
    for layer in layers_of(program):
        if layer.name in wanted:
            # What ONNX has inside of one operator is rounded without the layer's own inputs, alike in every format.
            moments = None if feeds_loop(layer) else seen.moments(layer.name)
            found[layer.name] = (
                integer_weights(layer.values, layer.axis)
                if moments is None
                else rounded(layer.values, layer.axis, moments)
            )
    return found


def _least_error(seen: Statistics) -> Callable[[fx.Node], Range]:
    """Each tensor with the observer whose rounding loses least of it."""
    return lambda node: min(seen.histograms[node.name].ranges(), key=lambda found: found.error)


def _extremes(seen: Statistics) -> Callable[[fx.Node], Range]:
    return lambda node: seen.histograms[node.name].ranges()[0]


def _require_finite(program: ExportedProgram, seen: Statistics) -> None:
    read = {value_name(layer): seen.largest[layer.name] for layer in layers_of(program) if layer.name in seen.largest}
    broken = [name for name, largest in read.items() if not largest.isfinite().all()]
    broken += [name for name, histogram in seen.histograms.items() if histogram.broken and name not in broken]
    if broken:
        raise QuantizationError(
            f"the calibration calls give NaN or infinity at {', '.join(broken[:5])}: there is no scale for that",
            fix="look for a mask of -inf or a division by zero, or leave such calls out of --calibration",
        )

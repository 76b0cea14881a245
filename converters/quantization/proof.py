"""Decides whether an artifact that is called int8 computes in integers, from what its file says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ..errors import QuantizationError
from .execution import Execution, Kernel
from .recipe import Compute, LayerRecipe, Recipe

LEAST_SHARE = 0.95  # of the multiply-accumulates that the recipe puts into integers
_SHOWN = 5


def require_integers(
    execution: Execution | None, recipe: Recipe, spared: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """What a user should know about where an artifact computes; raises QuantizationError if that is not in integers.

    `spared` says why layers that the recipe has in integers are not meant to be in this format.
    """
    spared = spared or {}
    meant = sum(layer.macs for layer in _in_integers(recipe) if layer.name not in spared)
    if execution is None:
        if meant:
            raise QuantizationError(
                "nothing shows in which numbers the artifact computes",
                fix="report this as a bug of this format's converter",
            )
        return ()
    if meant and execution.integer_macs < LEAST_SHARE * meant:
        raise _not_in_integers(execution, meant)
    return (*_notes(execution, recipe), *_decided(recipe, spared))


def _in_integers(recipe: Recipe) -> list[LayerRecipe]:
    return [layer for layer in recipe.layers if layer.compute in {Compute.INT8, Compute.INT8_DYNAMIC}]


def _decided(recipe: Recipe, spared: Mapping[str, str]) -> Iterator[str]:
    macs: Counter[str] = Counter()
    layers = Counter(spared.values())
    for layer in recipe.layers:
        if layer.name in spared:
            macs[spared[layer.name]] += layer.macs
    everything = max(recipe.macs(*Compute), 1)
    for reason, count in layers.items():
        yield f"{count} layers ({100 * macs[reason] / everything:.0f} % of the work) in float by decision: {reason}"


def _not_in_integers(execution: Execution, meant: int) -> QuantizationError:
    share = execution.integer_macs / meant
    listed = "\n  ".join(_floats(execution)[:_SHOWN])
    return QuantizationError(
        f"of the multiply-accumulates that should run in integers {100 * share:.0f} % do; in float are:\n  {listed}",
        fix="convert to another format, or leave these layers in float with --max-drop",
    )


def _floats(execution: Execution) -> list[str]:
    in_float = (operator for operator in execution.operators if operator.kernel is Kernel.FLOAT)
    return [
        f"{each.operator} {each.name} ({each.macs:,} multiply-accumulates): {each.reason or 'no reason known'}"
        for each in sorted(in_float, key=lambda each: each.macs, reverse=True)
    ]


def _notes(execution: Execution, recipe: Recipe) -> Iterator[str]:
    if _in_integers(recipe) and execution.macs:
        share = 100 * execution.integer_macs / execution.macs
        yield f"{share:.1f} % of the multiply-accumulates of its convolutions and matrix products run in integers"
    reasons = Counter(
        operator.reason for operator in execution.operators if operator.kernel is Kernel.FLOAT and operator.reason
    )
    for reason, count in reasons.most_common(_SHOWN):
        yield f"in float: {reason}" + (f" ({count} operators)" if count > 1 else "")

"""Chooses the weights in a checkpoint that belong to a model: by --weights, else the one set that fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...checkpoints.contents import Opaque, StoredTensor, Tree
from ...errors import SourceError, UsageError
from .matching import Fit, Shape, fit, listed, prefix_that_fits
from .weight_sets import WeightSet, set_at, weight_sets

_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A set of weights and how it fits."""

    weights: WeightSet
    fit: Fit

    @property
    def tensors(self) -> dict[str, StoredTensor]:
        """The tensors by the model's own keys."""
        return {name.removeprefix(self.fit.prefix): tensor for name, tensor in self.weights.tensors.items()}

    @property
    def text(self) -> str:
        """How it is listed: "ema (10 keys, 8 match)"."""
        return f"{self.weights.key or 'the whole file'} ({len(self.weights.tensors)} keys, {self.fit.matching} match)"


def choose(name: str, root: Tree, want: Mapping[str, Shape], key: str | None) -> Choice:
    """The set to load; SourceError if none or several fit the model's keys `want`, UsageError for an unknown key."""
    choices = [_choice(found, want) for found in weight_sets(root)]
    if not choices:
        raise SourceError(
            f"{name} holds no weights, only {_kind_of(root)}", fix="save model.state_dict() and give that"
        )
    if key is not None:
        return _whole(name, [_named(name, root, want, key, choices)], want)
    whole = [choice for choice in choices if choice.fit.whole]
    different = {frozenset(choice.tensors.items()): choice for choice in reversed(whole)}
    if len(different) > 1:
        texts = [choice.text for choice in whole]
        raise SourceError(
            f"{len(texts)} sets of weights in {name} fit the model: {', '.join(texts[:_LISTED])}",
            fix=f"choose one: --weights {whole[-1].weights.key}",
        )
    return _whole(name, whole[:1] or choices, want)


def _choice(weights: WeightSet, want: Mapping[str, Shape]) -> Choice:
    return Choice(weights=weights, fit=fit(_shapes(weights), want))


def _shapes(weights: WeightSet) -> dict[str, Shape]:
    return {name: tensor.shape for name, tensor in weights.tensors.items()}


def _named(name: str, root: Tree, want: Mapping[str, Shape], key: str, choices: list[Choice]) -> Choice:
    found = set_at(root, key)
    if found is None:
        known = [choice for choice in choices if choice.weights.key]
        listing = ", ".join(choice.text for choice in known[:_LISTED])
        raise UsageError(
            f"{name} has no weights at {key!r}; it has {listing or 'none'}",
            fix=f"write --weights {known[0].weights.key}" if known else "leave out --weights",
        )
    return _choice(found, want)


def _whole(name: str, choices: list[Choice], want: Mapping[str, Shape]) -> Choice:
    """The choice that matches most, if it matches everywhere and holds nothing but tensors."""
    best = max(choices, key=lambda choice: (choice.fit.matching, -len(choice.weights.tensors)))
    where = f"{name}, at {best.weights.key!r}," if best.weights.key else name
    unopened = {key: kind for key, kind in best.weights.objects.items() if best.fit.matching or not best.weights.key}
    if best.fit.whole and not unopened:
        return best
    if unopened and best.fit.matching:
        seen = [f"{key} ({kind})" for key, kind in unopened.items()]
        raise SourceError(
            f"{where} holds {listed('entries that are no plain tensors', seen)}, and those are not opened",
            fix="save the weights alone, as dense tensors: torch.save(model.state_dict(), 'weights.pt')",
        )
    others = [choice.text for choice in choices if choice is not best]
    among = f"; of all that it holds: {', '.join([best.text, *others][:_LISTED])}" if others else ""
    raise SourceError(
        f"{where} does not fit the model ({len(best.weights.tensors)} keys for {len(want)}"
        f"{f', without the prefix {best.fit.prefix!r}' if best.fit.prefix else ''}): {best.fit.findings()}{among}",
        fix=prefix_that_fits(_shapes(best.weights), want)
        or "build the architecture these weights were trained with (--model, --model-arg)",
    )


def _kind_of(root: Tree) -> str:
    if isinstance(root, dict):
        keys = [str(key) if not isinstance(key, Opaque) else key.name for key in root]
        return f"a dictionary ({', '.join(keys[:_LISTED])})" if keys else "an empty dictionary"
    if isinstance(root, Opaque):
        return f"an object of the class {root.name}"
    return "a single tensor" if isinstance(root, StoredTensor) else f"a {type(root).__name__}"

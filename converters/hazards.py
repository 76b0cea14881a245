"""What makes an artifact silently differ from its source, or surprises whoever deploys it: codes, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .signature import Signature

_SHOWN = 2


class HazardCode(StrEnum):
    """The kinds of hazard; the texts are stable, scripts may compare them."""

    TRAINING_MODE = "training-mode"
    RANDOM_OPERATOR = "random-operator"
    RESIZE_MODE = "resize-mode"
    ASYMMETRIC_PADDING = "asymmetric-padding"
    GELU_VARIANT = "gelu-variant"
    NARROWED_INTEGERS = "narrowed-integers"
    FIXED_DIMENSION = "fixed-dimension"
    CHANNELS_LAST = "channels-last"
    STANDALONE_BATCH_NORM = "standalone-batch-norm"
    FLOAT64 = "float64-constant"
    RUNTIME = "runtime-version"
    UNREAD = "unread-artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One hazard. It changes no verdict.

    `places` name modules and lines of the model, where they are known; `fix` says what to do.
    """

    code: HazardCode
    reason: str
    fix: str
    places: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is the matter, and where."""
        return f"{self.reason}{_where(self.places)}"

    @property
    def note(self) -> str:
        """The hazard in one line, as notes show it."""
        return f"hazard {self.code}: {self.sentence}; {self.fix}"


def notes_of(hazards: Iterable[Hazard]) -> tuple[str, ...]:
    """A line for each hazard; those that differ in their places alone share one."""
    return tuple(hazard.note for hazard in together(hazards))


def together(hazards: Iterable[Hazard]) -> Iterator[Hazard]:
    """The hazards, with the places of those that differ in nothing else in one."""
    places: dict[tuple[HazardCode, str, str], dict[str, None]] = {}
    for hazard in hazards:
        merged = places.setdefault((hazard.code, hazard.reason, hazard.fix), {})
        merged.update(dict.fromkeys(hazard.places))
    for (code, reason, fix), found in places.items():
        yield Hazard(code=code, reason=reason, fix=fix, places=tuple(found))


def closed_dimensions(signature: Signature, sizes: Iterable[Sequence[int | None]]) -> Iterator[Hazard]:
    """The axes that a source leaves open (None in the `sizes` of its inputs), and of which artifacts know one size."""
    for spec, known in zip(signature.inputs, sizes, strict=False):
        pairs = enumerate(zip(known, spec.shape, strict=False))
        closed = {axis: fixed for axis, (size, fixed) in pairs if size is None and isinstance(fixed, int)}
        if closed:
            axes, fixed = (", ".join(map(str, part)) for part in (closed, closed.values()))
            reason = f"the source leaves axes of {spec.name!r} open ({axes}), and artifacts take only {fixed} there"
            options = " ".join(f"--dynamic {spec.name}.{axis}=1..{max(2 * size, 8)}" for axis, size in closed.items())
            yield Hazard(code=HazardCode.FIXED_DIMENSION, reason=reason, fix=f"to keep them open: {options}")


def _where(places: tuple[str, ...]) -> str:
    """The text ", at body.norm (net.py:12, in forward)", with the number of further places."""
    named = [place for place in places if place]
    if not named:
        return ""
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return f", at {', '.join(named[:_SHOWN])}{more}"

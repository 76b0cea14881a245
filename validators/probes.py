"""Generated inputs: seeded noise and simple shapes, within what the model's example and real calls show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..converters.dynamic import resized
from ..converters.signature import Dim, Signature
from ..converters.tensors import Call
from .accumulators import Array
from .patterns import (
    IMPULSES,
    Pattern,
    channels,
    edges,
    highest,
    impulse,
    lowest,
    noise,
    ramp,
    uniform,
    zeros,
)
from .spans import Known, Span, spans_of

_NOISE_CALLS = 4
_DRAWS = 3
_RAMPS = 3
_LARGE = 4.0
# What all probes of one size may cost in elements; a parameter counts for a hundredth of one. The fewest are made of
# the largest models too: one call of every shape before the second of any.
_MOST_ELEMENTS = 1 << 24
_PARAMETERS_AN_ELEMENT = 100
_FEWEST = 6


class Kind(StrEnum):
    """Where a call comes from, or what it looks like; the first ones matter most."""

    SAMPLE = "sample"
    EXAMPLE = "example"
    NOISE = "noise"
    UNIFORM = "uniform"
    CHANNELS = "channels"
    RAMP = "ramp"
    IMPULSE = "impulse"
    EDGES = "edges"
    ZEROS = "zeros"
    HIGHEST = "highest"
    LOWEST = "lowest"
    WIDE = "wide"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One generated call."""

    kind: Kind
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The call number `index` of its kind, by its pattern; noise has none."""

    kind: Kind
    index: int
    pattern: Pattern | None = None


_PLANS = (
    *(_Plan(kind=Kind.NOISE, index=index) for index in range(_NOISE_CALLS)),
    *(_Plan(kind=Kind.UNIFORM, index=index, pattern=uniform) for index in range(_DRAWS)),
    *(_Plan(kind=Kind.CHANNELS, index=index, pattern=channels(last=index == 1)) for index in range(2)),
    *(_Plan(kind=Kind.RAMP, index=index, pattern=ramp(index)) for index in range(_RAMPS)),
    *(_Plan(kind=Kind.IMPULSE, index=index, pattern=impulse(index)) for index in range(IMPULSES)),
    _Plan(kind=Kind.EDGES, index=0, pattern=edges),
    _Plan(kind=Kind.ZEROS, index=0, pattern=zeros),
    _Plan(kind=Kind.HIGHEST, index=0, pattern=highest),
    _Plan(kind=Kind.LOWEST, index=0, pattern=lowest),
    _Plan(kind=Kind.WIDE, index=0),
)


def probes(signature: Signature, example: Call, *, seed: int, known: Known | None = None) -> list[Probe]:
    """Calls within what the example and real calls show to be allowed; the same seed gives the same calls.

    Noise and simple shapes (patterns.py) of the example's size, fewer for a large model, then noise for each dynamic
    dimension at its other sizes, and once with all of them changed together. Flags, and integers whose table is not
    known, are the example's own in noise in another order, so that the number of valid positions in a mask stays
    what it was, and elsewhere as they are.
    """
    known = known or Known()
    spans = spans_of(example, known)
    made = list(_shaped(example, spans, seed, _most(example, known)))
    for index, sized in enumerate(_other_sizes(signature, example)):
        call = _noise(sized, spans, _generator(seed, Kind.SIZE, index))
        made.append(Probe(kind=Kind.SIZE, call=call))
    return made


def _shaped(example: Call, spans: Mapping[str, Span], seed: int, most: int) -> Iterator[Probe]:
    made: dict[tuple[int, int], Probe] = {}
    for plan in sorted(_PLANS, key=lambda plan: plan.index):
        call = _made(plan, example, spans, _generator(seed, plan.kind, plan.index)) if len(made) < most else None
        if call is not None:
            made[_place(plan.kind), plan.index] = Probe(kind=plan.kind, call=call)
    yield from (made[place] for place in sorted(made))


def _made(
    plan: _Plan, example: Call, spans: Mapping[str, Span], generator: np.random.Generator
) -> dict[str, Array] | None:
    """The call of a plan, or None where it means nothing for any input."""
    if plan.kind is Kind.NOISE:
        return _noise(example, spans, generator)
    if plan.kind is Kind.WIDE:
        wide = any(span.is_wide for span in spans.values())
        return _noise(example, spans, generator, widen=_LARGE) if wide else None
    if plan.kind is Kind.UNIFORM and not any(span.is_index for span in spans.values()):
        return None
    made = {name: plan.pattern(example[name], span, generator) for name, span in spans.items() if plan.pattern}
    found = {name: array for name, array in made.items() if array is not None}
    return {**example, **found} if found else None


def _noise(
    example: Call, spans: Mapping[str, Span], generator: np.random.Generator, *, widen: float = 1.0
) -> dict[str, Array]:
    return {name: noise(array, spans.get(name), generator, widen=widen) for name, array in example.items()}


def _generator(seed: int, kind: Kind, index: int) -> np.random.Generator:
    """Every call has a stream of its own, so that one more of a kind does not change the others."""
    return np.random.default_rng([seed, _place(kind), index])


def _place(kind: Kind) -> int:
    return list(Kind).index(kind)


def _most(example: Call, known: Known) -> int:
    """How many calls of one size there may be."""
    cost = sum(array.size for array in example.values()) + known.parameters // _PARAMETERS_AN_ELEMENT
    return max(_MOST_ELEMENTS // max(cost, 1), _FEWEST)


def _other_sizes(signature: Signature, example: Call) -> Iterator[dict[str, Array]]:
    """The example at other sizes: each dynamic dimension alone, then all of them at once."""
    together: dict[str, Array] = dict(example)
    changed = 0
    for dim in signature.dims:
        sizes = other_sizes(dim, _size_of(dim, signature, example))
        for size in sizes:
            yield resized(example, signature, dim, size)
        if sizes:
            together = resized(together, signature, dim, sizes[-1])
            changed += 1
    if changed > 1:
        yield together


def other_sizes(dim: Dim, now: int) -> list[int]:
    """One or two sizes within the bounds that are not `now`: the smallest, and up to twice as much.

    Twice, and not one more, since strides and pooling often ask for multiples.
    """
    return sorted({dim.min, min(dim.max, 2 * now)} - {now})


def _size_of(dim: Dim, signature: Signature, example: Call) -> int:
    for spec in signature.inputs:
        for axis in spec.dynamic_axes:
            if spec.shape[axis] == dim.name:
                return int(example[spec.name].shape[axis])
    return dim.min

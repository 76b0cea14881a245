"""How much rounding noise the source itself makes: the measure that an artifact's difference is held against.

For every output: rms and largest of `source - truth`, where the truth is the source's program in float64, and of what
remains of a float32 ulp's jitter at every operator. docs/parity.md says how both become the floor.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import repeat

import numpy as np

from ..converters.tensors import Call
from .accumulators import Array
from .limits import measured_limits

EPSILON = float(np.finfo(np.float32).eps)
_TINY = float(np.finfo(np.float32).tiny)
# A group of calls with fewer elements of an output says too little alone, and is taken together with the others.
_FEW = 64
# A generated input on which the source loses this many times more than on real ones says nothing about an artifact:
# there the error of one rounding is anything, and differs from run to run by factors of fifty. So do numbers that are
# this many times as large as any on real inputs. A loss below the last number is never too much.
_MORE_LOST = 4.0
_FAR_LARGER = 10.0
_STEADY = 1e-6


class FloorKind(StrEnum):
    """What the floor was measured by."""

    FLOAT64 = "float64"
    JITTER = "jitter"


class Group(StrEnum):
    """Calls whose noise is taken together: real inputs, generated ones, whose sizes may be others, and a sequence.

    On unsteady ones the source itself is so far from the truth that nothing is concluded from an artifact's distance.
    """

    REAL = "real"
    PROBES = "probes"
    LOOP = "loop"
    UNSTEADY = "unsteady"


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """A difference over some calls: sum of squares, largest, and the number of elements."""

    squares: float = 0.0
    largest: float = 0.0
    elements: int = 0

    @property
    def rms(self) -> float:
        """The root mean square."""
        return math.sqrt(self.squares / self.elements) if self.elements else 0.0

    def __add__(self, other: Error) -> Error:
        """Both together."""
        return Error(
            squares=self.squares + other.squares,
            largest=max(self.largest, other.largest),
            elements=self.elements + other.elements,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """One output over one group of calls: the source's noise, the jitter's, and the size of the output itself."""

    source: Error
    jitter: Error
    size: Error

    @property
    def share(self) -> float:
        """The noise as a share of the output's size; 0 for an output of zeros."""
        noise = max(self.source.rms, self.jitter.rms)
        return noise / self.size.rms if self.size.rms else 0.0

    def __add__(self, other: Noise) -> Noise:
        """Both groups together."""
        return Noise(source=self.source + other.source, jitter=self.jitter + other.jitter, size=self.size + other.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNoise:
    """The noise of one output in one call."""

    group: Group
    noise: Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """The noise of every float output, by output and group.

    With FLOAT64 differences are taken from the float64 program, with JITTER from the source itself; `why` says why it
    is not the former. `unsteady` has the calls, by output, that are left out; `calls` the noise of each call, for
    targets that run only some of them.
    """

    schema: int = 2
    kind: FloorKind
    outputs: dict[str, dict[Group, Noise]] = field(default_factory=dict[str, dict[Group, Noise]])
    why: str = ""
    unsteady: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    calls: dict[str, tuple[CallNoise, ...]] = field(default_factory=dict[str, tuple[CallNoise, ...]])

    def of(self, output: str, errors: Mapping[Group, Error]) -> Iterator[tuple[Error, float, float]]:
        """An artifact's error in each group of calls of an output, with the floor of rms and of the largest element."""
        noises = self.outputs.get(output, {})
        if any(noise.size.elements < _FEW for noise in noises.values()):
            together = sum((errors.get(group, Error()) for group in noises), Error())
            yield together, *self._floor(_together(noises.values()))
            return
        for group, noise in noises.items():
            yield errors.get(group, Error()), *self._floor(noise)

    def rms_of(self, output: str) -> float | None:
        """The floor of an output's rms, the largest of all groups of calls; None for one that has none."""
        return max((rms for _, rms, _ in self.of(output, {})), default=None) if output in self.outputs else None

    @property
    def largest(self) -> dict[str, float]:
        """The floor of the largest element of every output, the largest of all groups of calls."""
        return {name: max((each for _, _, each in self.of(name, {})), default=0.0) for name in self.outputs}

    def _floor(self, noise: Noise) -> tuple[float, float]:
        own = noise.source if self.kind is FloorKind.FLOAT64 else Error()
        rms = max(own.rms, noise.jitter.rms, EPSILON * noise.size.rms, EPSILON * _TINY)
        return rms, max(own.largest, noise.jitter.largest, EPSILON * noise.size.largest, rms)

    def with_jitter_of(self, other: NoiseFloor) -> NoiseFloor:
        """This floor with the jitter that was measured for another run of the source's program, on the same calls."""
        calls = {
            name: tuple(
                replace(call, noise=replace(call.noise, jitter=theirs.noise.jitter))
                for call, theirs in zip(calls, other.calls[name], strict=True)
            )
            for name, calls in self.calls.items()
        }
        return self._with(calls, self.unsteady)

    def part(self, positions: Sequence[int]) -> NoiseFloor:
        """The floor of some of the calls, by position in ascending order."""
        places = {position: place for place, position in enumerate(positions)}
        unsteady = {
            name: tuple(places[position] for position in left_out if position in places)
            for name, left_out in self.unsteady.items()
        }
        calls = {name: tuple(calls[position] for position in positions) for name, calls in self.calls.items()}
        return self._with(calls, unsteady)

    def _with(self, calls: dict[str, tuple[CallNoise, ...]], unsteady: dict[str, tuple[int, ...]]) -> NoiseFloor:
        outputs = {name: _by_group(noises, unsteady.get(name, ())) for name, noises in calls.items()}
        return replace(self, outputs=outputs, calls=calls, unsteady=unsteady)

    def trusted(self) -> NoiseFloor:
        """This floor, or the jitter's alone where the float64 program cannot be the source's."""
        doubts = dict(self.doubts) if self.kind is FloorKind.FLOAT64 else {}
        if not doubts:
            return self
        name = max(doubts, key=lambda each: doubts[each])
        why = (
            f"the source's {name!r} is {doubts[name]:.3g} times further from its float64 program than rounding explains"
        )
        return replace(self, kind=FloorKind.JITTER, why=why)

    @property
    def doubts(self) -> Iterator[tuple[str, float]]:
        """The outputs whose source lies further from the truth than jitter explains, and how many times."""
        for output, noises in self.outputs.items():
            noise = _together(noises.values())
            explained = max(noise.jitter.rms, EPSILON * noise.size.rms)
            if noise.source.rms > measured_limits().doubt * explained:
                yield output, noise.source.rms / explained if explained else math.inf


def measure_floor(
    reference: Iterable[Call],
    exact: Iterable[Call] | None,
    jittered: Sequence[Iterable[Call]],
    groups: Iterable[Group],
    *,
    unsteady: Mapping[str, tuple[int, ...]] | None = None,
) -> NoiseFloor:
    """The floor of a source's outputs; without `exact` the jittered runs are of the source itself.

    `unsteady` names calls to leave out, by output; without it they are found here.

    All others yield one mapping of output names to arrays per call, in the same order, and are read side by side.
    """
    by_call: dict[str, list[CallNoise]] = {}
    truth: Iterable[Call | None] = repeat(None) if exact is None else exact
    for group, source, true, *moved in zip(groups, reference, truth, *jittered, strict=False):
        for name, array in source.items():
            if array.dtype.kind == "f":
                center = array if true is None else true[name]
                noise = _noise(array, center, [call[name] for call in moved])
                by_call.setdefault(name, []).append(CallNoise(group=group, noise=noise))
    if unsteady is None:
        unsteady = {name: places for name, noises in by_call.items() if (places := _unsteady(noises))}
    return NoiseFloor(
        kind=FloorKind.JITTER if exact is None else FloorKind.FLOAT64,
        outputs={name: _by_group(noises, unsteady.get(name, ())) for name, noises in by_call.items()},
        unsteady=dict(unsteady),
        calls={name: tuple(noises) for name, noises in by_call.items()},
    )


def _unsteady(calls: Sequence[CallNoise]) -> tuple[int, ...]:
    """The generated calls on which the source is not itself, by position.

    It loses far more digits than on real ones there, or gives far larger numbers; a few real numbers do not tell what
    is large.
    """
    real = _together(call.noise for call in calls if call.group is Group.REAL)
    most = max(_MORE_LOST * real.share, _STEADY)
    largest = (_FAR_LARGER * real.size.largest if real.size.elements >= _FEW else 0.0) or math.inf
    generated = ((place, call.noise) for place, call in enumerate(calls) if call.group is Group.PROBES)
    return tuple(place for place, noise in generated if noise.share > most or noise.size.rms > largest)


def _by_group(calls: Sequence[CallNoise], unsteady: Collection[int]) -> dict[Group, Noise]:
    found: dict[Group, Noise] = {}
    for place, call in enumerate(calls):
        if place not in unsteady:
            found[call.group] = found[call.group] + call.noise if call.group in found else call.noise
    return found


def _noise(source: Array, center: Array, moved: Sequence[Array]) -> Noise:
    errors = (error_of(array, center) for array in moved)
    return Noise(
        source=error_of(source, center),
        jitter=max(errors, key=lambda error: error.squares, default=Error()),
        size=error_of(center, np.zeros_like(center)),
    )


def error_of(array: Array, center: Array) -> Error:
    """The difference of two arrays where both are finite; nothing where rounding decided about their shapes."""
    if array.shape != center.shape:
        return Error()
    left, right = array.astype(np.float64), center.astype(np.float64)
    both = np.isfinite(left) & np.isfinite(right)
    difference = np.abs(left[both] - right[both])
    return Error(
        squares=float(np.dot(difference, difference)),
        largest=float(difference.max(initial=0.0)),
        elements=int(difference.size),
    )


def undecided(reference: Call, others: Iterable[Call]) -> dict[str, Array]:
    """For each output in integers or booleans: where the source's rounding decides otherwise, as a boolean array."""
    masks: dict[str, Array] = {
        name: np.zeros(array.shape, dtype=bool) for name, array in reference.items() if array.dtype.kind != "f"
    }
    for other in others:
        masks = {name: mask | _differs(reference[name], other[name]) for name, mask in masks.items()}
    return masks


def _differs(reference: Array, other: Array) -> Array:
    """Everywhere, if rounding decides about the shape."""
    return np.asarray(other != reference if other.shape == reference.shape else True)


def _together(noises: Iterable[Noise]) -> Noise:
    return sum(noises, Noise(source=Error(), jitter=Error(), size=Error()))

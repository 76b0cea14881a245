"""Measures how far an artifact's output is from the source's, call by call, in float64."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..converters.errors import InputError
from .accumulators import Array, Changes, Extent, Saturation, ScaledDot, Top1, absolute_difference, as_finite, peak
from .noise_floor import Error, Group

Real = int | float
COMPARABLE_KINDS = "fiub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The element that differs most: which call (from 0), where in it, and both values."""

    call: int
    index: tuple[int, ...]
    reference: Real
    actual: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputMetrics:
    """What was measured on one output over all calls; the values are absolute, in the output's own unit.

    Differences are taken where both sides are finite (`compared` elements); if NaN or infinity stands on one
    side only, they are infinite, since no figure of the rest may pass for the whole. `scale` is the largest
    |reference|; `sqnr_db` is 10 log10 of signal energy over error energy, infinite when nothing
    differs and minus infinite for an error over silence; `cosine` and the top-1 figures are None where
    they mean nothing. `appeared` counts NaN or infinity that the reference does not have, `vanished` the
    reverse. `exact` says that the values are integers or booleans, of which `mismatches` differ; `undecided` more
    differ where the source's own rounding decides. `errors` are the differences from the truth, by group of calls.
    `at_ends` counts elements of the reference at the ends of its range, `choice_rows` the rows of which `top1_rows`
    are decided.
    """

    calls: int
    elements: int
    compared: int
    exact: bool
    mismatches: int
    appeared: int
    vanished: int
    first_appeared: Worst | None
    max_abs: float
    rms: float
    scale: float
    sqnr_db: float
    cosine: float | None
    top1_rows: int
    top1_agreed: int
    worst: Worst | None
    reference_range: tuple[float, float] | None
    actual_range: tuple[float, float] | None
    reference_changes: float
    actual_changes: bool
    errors: Mapping[Group, Error] = field(default_factory=dict[Group, Error])
    undecided: int = 0
    at_ends: int = 0
    choice_rows: int = 0

    @property
    def max_rel_to_scale(self) -> float:
        """The largest difference as a share of the scale; infinite for a difference from all zeros."""
        return _share(self.max_abs, self.scale)

    @property
    def rms_rel_to_scale(self) -> float:
        """The root mean square of the difference as a share of the scale."""
        return _share(self.rms, self.scale)

    @property
    def top1(self) -> float | None:
        """The share of decided rows whose largest entry stands at the same place."""
        return self.top1_agreed / self.top1_rows if self.top1_rows else None


class OutputMeter:
    """Takes one (reference, actual) pair per call; what it holds does not grow with the number of calls."""

    def __init__(self) -> None:
        self._calls = self._elements = self._compared = 0
        self._mismatches = self._appeared = self._vanished = 0
        self._exact = True
        self._max_abs = self._scale = 0.0
        self._worst: Worst | None = None
        self._first_appeared: Worst | None = None
        self._energy = {name: ScaledDot() for name in ("reference", "actual", "both", "error")}
        self._top1 = Top1()
        self._saturation = Saturation()
        self._reference_extent, self._actual_extent = Extent(), Extent()
        self._reference_changes, self._actual_changes = Changes(), Changes()

    def add(self, reference: Array, actual: Array) -> None:
        """One call's pair, of one shape and of real dtypes; raises InputError otherwise."""
        check_comparable(reference, actual)
        self._exact = self._exact and reference.dtype.kind != "f" and actual.dtype.kind != "f"
        both = self._note_nonfinite(reference, actual)
        self._reference_extent.add(reference)
        self._saturation.add(reference)
        self._actual_extent.add(actual)
        self._reference_changes.add(reference)
        self._actual_changes.add(actual)
        difference = np.where(both, absolute_difference(reference, actual), 0.0)
        self._note_worst(difference, reference, actual)
        left, right = as_finite(reference, both), as_finite(actual, both)
        self._scale = max(self._scale, peak(left))
        self._energy["reference"].add(left, left)
        self._energy["actual"].add(right, right)
        self._energy["both"].add(left, right)
        self._energy["error"].add(difference, difference)
        self._top1.add(reference, actual)
        self._elements += reference.size
        self._compared += int(np.count_nonzero(both))
        self._mismatches += int(np.count_nonzero((reference != actual) & both))
        self._calls += 1

    def _note_nonfinite(self, reference: Array, actual: Array) -> Array:
        """Counts NaN and infinities on one side only; returns where both sides are finite."""
        fine_reference, fine_actual = np.isfinite(reference), np.isfinite(actual)
        same = (reference == actual) | (np.isnan(reference) & np.isnan(actual))
        appeared = ~fine_actual & ~same
        self._vanished += int(np.count_nonzero(~fine_reference & fine_actual))
        count = int(np.count_nonzero(appeared))
        if count and self._first_appeared is None:
            self._first_appeared = self._element(int(np.argmax(appeared)), reference, actual)
        self._appeared += count
        return np.asarray(fine_reference & fine_actual)

    def _note_worst(self, difference: Array, reference: Array, actual: Array) -> None:
        if difference.size == 0:
            return
        place = int(np.argmax(difference))
        largest = float(difference.flat[place])
        if largest > self._max_abs:
            self._max_abs = largest
            self._worst = self._element(place, reference, actual)

    def _element(self, place: int, reference: Array, actual: Array) -> Worst:
        index = tuple(int(i) for i in np.unravel_index(place, reference.shape))
        return Worst(
            call=self._calls, index=index, reference=reference.flat[place].item(), actual=actual.flat[place].item()
        )

    def metrics(self) -> OutputMetrics:
        """Everything measured so far."""
        whole = not self._appeared and not self._vanished
        signal, noise = self._energy["reference"], self._energy["error"]
        return OutputMetrics(
            calls=self._calls,
            elements=self._elements,
            compared=self._compared,
            exact=self._exact,
            mismatches=self._mismatches,
            appeared=self._appeared,
            vanished=self._vanished,
            first_appeared=self._first_appeared,
            max_abs=self._max_abs if whole else math.inf,
            rms=noise.root_mean(self._compared) if whole else math.inf,
            scale=self._scale,
            sqnr_db=decibels(signal, noise) if whole else -math.inf,
            cosine=self._cosine() if whole else None,
            top1_rows=self._top1.rows,
            top1_agreed=self._top1.agreed,
            worst=self._worst,
            reference_range=self._reference_extent.range,
            actual_range=self._actual_extent.range,
            reference_changes=self._reference_changes.largest,
            actual_changes=self._actual_changes.any,
            at_ends=self._saturation.elements,
            choice_rows=self._top1.seen,
        )

    def _cosine(self) -> float | None:
        lengths = math.sqrt(self._energy["reference"].total) * math.sqrt(self._energy["actual"].total)
        if lengths == 0.0:
            return None
        return max(-1.0, min(1.0, self._energy["both"].total / lengths))


def check_comparable(reference: Array, actual: Array) -> None:
    """Raises InputError unless both arrays are real, of one shape, and both or neither of them floats."""
    for array in (reference, actual):
        if array.dtype.kind not in COMPARABLE_KINDS:
            raise InputError(
                f"an output of dtype {array.dtype} cannot be compared: it is not a real number, integer or boolean",
                fix="let the model return real tensors, a complex one as two (real and imaginary part)",
            )
    if reference.shape != actual.shape:
        raise InputError(
            f"shapes differ: the reference has {reference.shape}, the other {actual.shape}",
            fix="compare outputs of one shape only",
        )


def decibels(signal: ScaledDot, noise: ScaledDot) -> float:
    """20 log10(signal / noise) of two sums of squares' roots; infinite without noise, -inf without signal."""
    if noise.total == 0.0:
        return math.inf
    if signal.total == 0.0:
        return -math.inf
    return 20.0 * (signal.log10_root - noise.log10_root)


def _share(value: float, scale: float) -> float:
    if value == 0.0:
        return 0.0
    return value / scale if scale else math.inf

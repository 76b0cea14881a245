"""How large a difference between two float32 models may be, and what a policy is that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from .limits import LARGEST, RMS, Limits, measured_limits
from .metrics import OutputMetrics
from .noise_floor import NoiseFloor
from .parity import Check


class Policy(Protocol):
    """Says which figures of an output count, and what they may be.

    A policy looks only at figures; what always fails, whatever the tolerance, is decided before it is asked.
    """

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:
        """Each figure of the output of that name beside its limit; it passes if every check did, and there is one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPolicy:
    """Limits as multiples of the noise that the source itself makes (noise_floor.py).

    The largest multiple of all groups of calls counts. Integers and booleans must be equal where the source is decided.
    """

    floor: NoiseFloor
    limits: Limits = field(default_factory=measured_limits)

    @property
    def name(self) -> str:
        """Which floor it was."""
        return f"{self.floor.kind} noise floor"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:
        """The checks of one output."""
        if metrics.exact:
            return (check("mismatches", float(metrics.mismatches), 0.0),)
        if metrics.appeared or metrics.vanished or output not in self.floor.outputs:
            return (check(RMS, math.inf, self.limits.rms), check(LARGEST, math.inf, self.limits.largest))
        ratios = [
            (error.rms / rms, error.largest / largest)
            for error, rms, largest in self.floor.of(output, metrics.errors)
            if error.elements
        ]
        rms, largest = (max(each, default=math.inf) for each in zip(*ratios, strict=True)) if ratios else (0.0, 0.0)
        return (check(RMS, rms, self.limits.rms), check(LARGEST, largest, self.limits.largest))


def check(quantity: str, value: float, limit: float) -> Check:
    """One figure against its limit; NaN and infinity never pass."""
    finite = math.isfinite(value)
    return Check(
        quantity=quantity,
        value=value if finite else None,
        limit=limit,
        passed=finite and value <= limit,
        would_pass=round_up(value) if finite else None,
    )


def round_up(value: float) -> float:
    """The smallest number of two significant digits that is not below `value` (finite, at least 0)."""
    if value == 0.0:
        return 0.0
    exponent = math.floor(math.log10(value)) - 1
    digits = math.ceil(value / 10.0**exponent) if exponent > -300 else 0
    candidates = (float(f"{digits + more}e{exponent}") for more in range(-1, 2))
    return next((number for number in candidates if value <= number < math.inf), value)

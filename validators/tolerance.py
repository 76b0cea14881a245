"""How large a difference between two float32 models may be, and what a policy is that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from .metrics import OutputMetrics
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
class ScalePolicy:
    """Limits as shares of the output's scale, the largest |reference| over all calls.

    A share of the scale does not change when a model's output is multiplied by a number, and unlike an
    element's own relative error it does not explode where the source passes through zero. Integers and
    booleans must be equal.
    """

    name: str
    max_abs: float
    rms: float

    def checks(self, metrics: OutputMetrics, *, output: str = "") -> tuple[Check, ...]:  # noqa: ARG002 (all are judged alike)
        """The checks of one output."""
        if metrics.exact:
            return (check("mismatches", float(metrics.mismatches), 0.0),)
        return (
            check("max_abs/scale", metrics.max_rel_to_scale, self.max_abs),
            check("rms/scale", metrics.rms_rel_to_scale, self.rms),
        )


# docs/parity.md has the measurements behind these numbers; other precisions are judged in quantised.py.
FLOAT_POLICY = ScalePolicy(name="scale-fp32-1", max_abs=5e-5, rms=5e-6)


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

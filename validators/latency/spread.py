"""What many measured calls come to, and whether two artifacts differ by more than their calls do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

# Less than this share of the time is no reason to choose, however quiet the machine.
_LEAST_DIFFERENCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Milliseconds of a call: the median, and between the quartiles half of all calls."""

    median: float
    first_quartile: float
    third_quartile: float

    @property
    def width(self) -> float:
        """The distance of the quartiles as a share of the median."""
        return (self.third_quartile - self.first_quartile) / self.median if self.median else 0.0


class Difference(StrEnum):
    """How an artifact's time compares with another's."""

    FASTER = "faster"
    SLOWER = "slower"
    NONE = "none"


def spread_of(seconds: Sequence[float]) -> Spread:
    """The spread of some calls' seconds, of which there is at least one."""
    low, middle, high = (float(value) * 1000 for value in np.quantile(np.asarray(seconds), (0.25, 0.5, 0.75)))
    return Spread(median=middle, first_quartile=low, third_quartile=high)


def difference(ours: Spread, base: Spread) -> Difference:
    """A difference is one outside of the noise: the quartiles do not overlap, and the medians are 5 % apart."""
    if abs(ours.median - base.median) < _LEAST_DIFFERENCE * base.median:
        return Difference.NONE
    if ours.third_quartile < base.first_quartile:
        return Difference.FASTER
    return Difference.SLOWER if ours.first_quartile > base.third_quartile else Difference.NONE

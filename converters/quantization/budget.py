"""The budget of an int8 artifact: how much it may lose against its float source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError
from .cost import CostMeter

_MARGIN_DB = 1.0
_TEXT = re.compile(r"^(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|dB)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The least signal-to-noise ratio in decibels, or the least share of decisions kept; one of them is set."""

    least_sqnr_db: float | None = None
    least_agreement: float | None = None

    def is_met(self, meters: list[CostMeter]) -> bool:
        """Whether every output keeps what it must; an output without decisions is not judged by decisions."""
        return all(self._allows(meter) for meter in meters)

    def tightened(self) -> Budget:
        """The budget to aim at when it will be judged on other calls: half of the decisions, one decibel more."""
        if self.least_sqnr_db is not None:
            return Budget(least_sqnr_db=self.least_sqnr_db + _MARGIN_DB)
        return Budget(least_agreement=(1 + (self.least_agreement or 0.0)) / 2)

    def _allows(self, meter: CostMeter) -> bool:
        found = meter.result
        if self.least_sqnr_db is not None:
            return meter.noise == 0 or (found.sqnr_db is not None and found.sqnr_db >= self.least_sqnr_db)
        return found.agreement is None or found.agreement >= (self.least_agreement or 0.0)

    def __str__(self) -> str:
        if self.least_sqnr_db is not None:
            return f"at least {self.least_sqnr_db:g} dB"
        return f"at least {100 * (self.least_agreement or 0.0):g} % of decisions kept"


def parse_budget(text: str) -> Budget:
    """A budget from "1%" (decisions that may change) or "30dB" (the ratio to keep); raises UsageError."""
    match = _TEXT.match(text.strip())
    if match is None:
        raise UsageError(
            f"--max-drop {text!r} is not understood",
            fix="write 1% for the share of decisions that may change, or 30dB for the ratio of signal to noise to keep",
        )
    number = float(match["number"])
    if match["unit"] != "%":
        return Budget(least_sqnr_db=number)
    if number > 100:
        raise UsageError(f"--max-drop {text} is more than all decisions", fix="write a share such as 1%")
    return Budget(least_agreement=1 - number / 100)

"""The budget of an int8 artifact: how much it may lose against its float source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import UsageError
from .cost import CostMeter, deciding
from .score import ScoreMeter

_MARGIN_DB = 1.0
_METRIC = re.compile(r"^(?P<function>\S+:\w+)=(?P<fall>\d*\.?\d+)$")
_TEXT = re.compile(r"^(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|dB)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The least signal-to-noise ratio in decibels, the least share of decisions kept, or a task's metric; one is set.

    The score that `metric` ("file.py:fn") gives may fall by `largest_fall`.
    """

    least_sqnr_db: float | None = None
    least_agreement: float | None = None
    metric: str | None = None
    largest_fall: float = 0.0

    def is_met(self, meters: Sequence[CostMeter | ScoreMeter]) -> bool:
        """Whether every output keeps what it must; of decisions those do that are made by (cost.py)."""
        if self.metric is not None:
            return all(meter.fall <= self.largest_fall for meter in meters if isinstance(meter, ScoreMeter))
        outputs = [meter for meter in meters if isinstance(meter, CostMeter)]
        if self.least_sqnr_db is not None:
            return all(_keeps(meter, self.least_sqnr_db) for meter in outputs)
        least = self.least_agreement or 0.0
        return all((meter.result.agreement or 0.0) >= least for meter in deciding(outputs))

    def tightened(self) -> Budget:
        """The budget to aim at when it will be judged on other calls: half of the loss, or one decibel more."""
        if self.metric is not None:
            return replace(self, largest_fall=self.largest_fall / 2)
        if self.least_sqnr_db is not None:
            return Budget(least_sqnr_db=self.least_sqnr_db + _MARGIN_DB)
        return Budget(least_agreement=(1 + (self.least_agreement or 0.0)) / 2)

    def __str__(self) -> str:
        if self.metric is not None:
            return f"{self.metric} at most {self.largest_fall:g} lower"
        if self.least_sqnr_db is not None:
            return f"at least {self.least_sqnr_db:g} dB"
        return f"at least {100 * (self.least_agreement or 0.0):g} % of decisions kept"


def _keeps(meter: CostMeter, least_db: float) -> bool:
    found = meter.result.sqnr_db
    return meter.noise == 0 or (found is not None and found >= least_db)


def parse_budget(text: str) -> Budget:
    """A budget from "1%" (decisions that may change), "30dB" (the ratio to keep) or "file.py:fn=0.01" (its fall).

    Raises UsageError.
    """
    metric = _METRIC.match(text.strip())
    if metric is not None:
        return Budget(metric=metric["function"], largest_fall=float(metric["fall"]))
    match = _TEXT.match(text.strip())
    if match is None:
        raise UsageError(
            f"--max-drop {text!r} is not understood",
            fix="write 1% for the share of decisions that may change, 30dB for the ratio of signal to noise to keep, "
            "or score.py:accuracy=0.01 for how far a score of yours may fall",
        )
    number = float(match["number"])
    if match["unit"] != "%":
        return Budget(least_sqnr_db=number)
    if number > 100:
        raise UsageError(f"--max-drop {text} is more than all decisions", fix="write a share such as 1%")
    return Budget(least_agreement=1 - number / 100)

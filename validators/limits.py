"""The limits of the verdict: multiples of measured noise, derived from what correct conversions were seen to do.

They stand in limits.json with the distributions behind them, where `benchmarks/limits.py` writes them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

RMS = "rms/noise floor"
LARGEST = "largest/noise floor"
SIMULATION = "off the simulation/noise"
MEASURED_SIMULATION = "off the simulation/noise, scales measured"
STEPS = "off the simulation/step"
HALF = "rms/rms of the source in float16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a correct artifact may be off, each as a multiple of the noise that is named.

    * `rms`, `largest`: a float32 artifact from the truth, of the noise floor of either
    * `doubt`: the source from its float64 program, of jitter
    * `simulation`, `measured_simulation`: a quantised artifact from its simulation, of what the simulation loses
      against the source; the second where scales are measured as the model runs
    * `half`: a float16 artifact from the source, of what the source loses in float16
    """

    rms: float
    largest: float
    doubt: float
    simulation: float
    measured_simulation: float
    half: float


# What reports call the figure that each limit is for.
QUANTITIES = {
    "rms": RMS,
    "largest": LARGEST,
    "doubt": "source/jitter",
    "simulation": SIMULATION,
    "measured_simulation": MEASURED_SIMULATION,
    "half": HALF,
}


@functools.cache
def _stored() -> dict[str, Any]:
    text = resources.files(str(__package__)).joinpath("limits.json").read_text(encoding="utf-8")
    stored: dict[str, Any] = json.loads(text)
    return stored


@functools.cache
def measured_limits() -> Limits:
    """The limits as they were derived."""
    return Limits(**_stored()["limits"])


def distribution(quantity: str) -> Mapping[str, list[float]]:
    """The figures of correct artifacts that the limit of a quantity stands on, by format; {} if it has no such."""
    name = next((name for name, known in QUANTITIES.items() if known == quantity), None)
    found: Mapping[str, list[float]] = _stored()["distributions"].get(name, {})
    return found

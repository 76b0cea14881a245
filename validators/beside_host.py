"""Compares what an artifact gave on a target with what it gave on the host: how far do other kernels go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..converters.job import RunResult
from ..converters.precision import Precision
from ..converters.tensors import read_calls
from .accumulators import Array
from .limits import measured_limits
from .parity import ParityRow
from .steps import Beside, Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What differences are told in, by output: `steps` of those that have a scale, `floor` of a largest element."""

    steps: Mapping[str, float]
    floor: Mapping[str, float]


def beside_host(host: Path, outputs: Path, *, positions: tuple[int, ...] | None, scales: Scales) -> Beside | None:
    """The largest difference over all outputs; None if there is nothing to compare.

    `positions` are the host's calls that the target ran, None for all. Elements count as different where they are not
    equal; NaN equals NaN.
    """
    found = _Differences(scales)
    wanted = None if positions is None else set(positions)
    ours = (call for place, call in enumerate(read_calls(host)) if wanted is None or place in wanted)
    for left, right in zip(ours, read_calls(outputs), strict=False):
        for name in left.keys() & right.keys():
            found.add(name, left[name], right[name])
    return found.beside if found.elements else None


class _Differences:
    """What has been found so far."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._largest: dict[str, float] = {}
        self._different = 0
        self.elements = 0

    def add(self, name: str, one: Array, other: Array) -> None:
        """Count one output of one call; another shape is infinitely far."""
        if one.shape != other.shape:
            self._largest[name] = math.inf
            self._different += one.size
            self.elements += one.size
            return
        unequal = (one != other) & ~((one != one) & (other != other))  # noqa: PLR0124 (NaN is not itself)
        off = np.abs(one[unequal].astype(np.float64) - other[unequal].astype(np.float64))
        self._largest[name] = max(self._largest.get(name, 0.0), float(np.nan_to_num(off, nan=math.inf).max(initial=0)))
        self._different += int(unequal.sum())
        self.elements += one.size

    @property
    def beside(self) -> Beside:
        """All of it."""
        return Beside(
            max_abs=_finite(max(self._largest.values())),
            different=self._different,
            elements=self.elements,
            steps=self._largest_in(self._scales.steps),
            noise_ratio=self._largest_in(self._scales.floor),
        )

    def _largest_in(self, units: Mapping[str, float]) -> float | None:
        """The largest difference in the outputs' own units; None where no output has one."""
        return _finite(max((off / units[name] for name, off in self._largest.items() if units.get(name)), default=None))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def remark_on(found: Beside, precision: Precision, *, host: RunResult, there: RunResult) -> str | None:
    """What people should know of a difference: integers with fixed scales are expected to be the same everywhere.

    Float kernels differ by rounding, also those at the end of a model in integers, and scales that are measured as a
    model runs follow them: that is judged by the noise floor and by the simulation, and is no news.
    """
    is_rounding = found.noise_ratio is not None and found.noise_ratio <= measured_limits().largest
    if not found.different or is_rounding or not precision.needs_calibration:
        return None
    size = f"{found.steps:.3g} LSB" if found.steps is not None else f"{found.max_abs or math.inf:.3g}"
    return (
        f"not the same bits as on the host: {found.different} of {found.elements} numbers differ, by {size} at most"
        f" (host: {_kernels(host)}; there: {_kernels(there)})"
    )


def _kernels(result: RunResult) -> str:
    """What tells which kernels ran: the runtime, its delegate, and the processor's features that it chooses by."""
    features = result.processor.features if result.processor else ()
    parts = [f"{name} {version}" for name, version in result.made_by.items() if name != "qemu"]
    return ", ".join([*parts, " ".join(features)])


def hop_from_host(row: ParityRow, found: Beside) -> Hop:
    """The step from the host to the target of a row; for what is rounded it has no limit of its own."""
    name = f"{row.format} {row.precision} on"
    ratio = found.noise_ratio or 0.0
    return Hop(
        start=f"{name} host",
        end=f"{name} {row.target}",
        output="",
        ratio=ratio,
        unit="x the noise floor",
        exceeds=row.precision == Precision.FP32 and ratio > measured_limits().largest,
    )

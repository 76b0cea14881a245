"""Compares what an artifact gave on a target with what it gave on the host: how far do other kernels go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..converters.job import RunResult
from ..converters.precision import Precision
from ..converters.tensors import read_calls
from .parity import Beside


def beside_host(
    host: Path, outputs: Path, *, positions: tuple[int, ...] | None, steps: Mapping[str, float]
) -> Beside | None:
    """The largest difference over all outputs; None if there is nothing to compare.

    `positions` are the host's calls that the target ran, None for all; `steps` the scale of outputs that have one.
    Elements count as different where they are not equal; NaN equals NaN.
    """
    largest, in_steps, different, elements = 0.0, 0.0, 0, 0
    wanted = None if positions is None else set(positions)
    ours = (call for place, call in enumerate(read_calls(host)) if wanted is None or place in wanted)
    for left, right in zip(ours, read_calls(outputs), strict=False):
        for name in left.keys() & right.keys():
            one, other = left[name], right[name]
            if one.shape != other.shape:
                return None
            unequal = (one != other) & ~((one != one) & (other != other))  # noqa: PLR0124 (NaN is not itself)
            off = np.abs(one[unequal].astype(np.float64) - other[unequal].astype(np.float64))
            furthest = float(off.max(initial=0.0))
            largest = max(largest, furthest)
            in_steps = max(in_steps, furthest / steps[name] if steps.get(name) else 0.0)
            different += int(unequal.sum())
            elements += one.size
    if not elements:
        return None
    return Beside(
        max_abs=largest if np.isfinite(largest) else None,
        different=different,
        elements=elements,
        steps=in_steps if any(steps.values()) else None,
    )


def remark_on(found: Beside, precision: Precision, *, host: RunResult, there: RunResult) -> str | None:
    """What people should know of a difference: integers with fixed scales are expected to be the same everywhere.

    Float kernels differ by rounding, and scales that are measured as a model runs follow them: that is judged by the
    noise floor and by the simulation, and is no news.
    """
    if not found.different or not precision.needs_calibration:
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

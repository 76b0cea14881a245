"""Splits an artifact's error by the steps that made it, so that it is the exporter's, the quantiser's or a kernel's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..converters.artifact import Artifact
from ..converters.precision import Precision
from ..converters.tensors import read_calls
from .accumulators import Array
from .golden import Golden
from .limits import measured_limits
from .noise_floor import Error, NoiseFloor, error_of
from .steps import Hop

# The error of each output, and whether NaN and infinity stand in the same places on both sides.
_Errors = dict[str, tuple[Error, bool]]
_FLOOR = "x the noise floor"
_QUANTISATION = "x what quantisation costs"


def hops_of(golden: Golden, artifact: Artifact, target: str, outputs: Path, floor: NoiseFloor) -> tuple[Hop, ...]:
    """The error of each step, at the output where it is largest as a multiple of what it may be measured in.

    source -> exported program -> artifact for float; source -> exported program -> simulation -> artifact for what is
    rounded.
    """
    return tuple(_hops(golden, artifact, target, outputs, floor))


def _hops(golden: Golden, artifact: Artifact, target: str, outputs: Path, floor: NoiseFloor) -> Iterator[Hop]:
    noise = _floors(floor)
    here = f"{artifact.format} {artifact.precision} on {target}"
    if golden.program.exists():
        exported = _errors(golden.reference, golden.program)
        yield _hop("source", "exported program", exported, noise, limit=measured_limits().rms)
    start = golden.program if golden.program.exists() else golden.reference
    name = "exported program" if golden.program.exists() else "source"
    if artifact.precision is Precision.FP32:
        yield _hop(name, here, _errors(start, outputs), noise, limit=measured_limits().rms)
        return
    simulation = golden.simulation(artifact.precision, artifact.format)
    if not simulation.exists():
        return
    cost = _errors(golden.reference, simulation)
    yield _hop(name, "simulation", cost, noise, limit=math.inf)
    lost = {output: error.rms for output, (error, _) in cost.items()}
    hop = _hop("simulation", here, _errors(simulation, outputs), lost, limit=measured_limits().measured_simulation)
    yield replace(hop, unit=_QUANTISATION)


def _hop(start: str, end: str, errors: _Errors, noise: dict[str, float], *, limit: float) -> Hop:
    """NaN and infinity that one side alone has are more than any step may make; `ratio` is of the rest."""
    ratios = {name: error.rms / noise[name] for name, (error, _) in errors.items() if noise.get(name)}
    broken = [name for name, (_, same) in errors.items() if not same]
    output = next(iter(broken), max(ratios, key=ratios.__getitem__, default=""))
    ratio = ratios.get(output, 0.0)
    return Hop(start=start, end=end, output=output, ratio=ratio, unit=_FLOOR, exceeds=bool(broken) or ratio > limit)


def _floors(floor: NoiseFloor) -> dict[str, float]:
    """The floor of each output over all calls."""
    return {output: floor.rms_of(output) or 0.0 for output in floor.outputs}


def _errors(left: Path, right: Path) -> _Errors:
    found: _Errors = {}
    for one, other in zip(read_calls(left), read_calls(right), strict=False):
        for name, array in one.items():
            if array.dtype.kind == "f" and name in other:
                error, same = found.get(name, (Error(), True))
                found[name] = (error + error_of(other[name], array), same and _finite_alike(other[name], array))
    return found


def _finite_alike(left: Array, right: Array) -> bool:
    return left.shape != right.shape or bool(np.array_equal(np.isfinite(left), np.isfinite(right)))

"""Splits an artifact's error by the steps that made it, so that it is the exporter's, the quantiser's or a kernel's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..converters.artifact import Artifact
from ..converters.precision import Precision
from ..converters.tensors import read_calls
from .golden import Golden
from .limits import measured_limits
from .noise_floor import Error, NoiseFloor, error_of
from .parity import Hop

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
        exported = _largest(_errors(golden.reference, golden.program), noise)
        yield _hop("source", "exported program", exported, unit=_FLOOR, limit=measured_limits().rms)
    start = golden.program if golden.program.exists() else golden.reference
    name = "exported program" if golden.program.exists() else "source"
    if artifact.precision is Precision.FP32:
        yield _hop(name, here, _largest(_errors(start, outputs), noise), unit=_FLOOR, limit=measured_limits().rms)
        return
    simulation = golden.simulation(artifact.precision, artifact.format)
    if not simulation.exists():
        return
    cost = _errors(golden.reference, simulation)
    yield _hop(name, "simulation", _largest(cost, noise), unit=_FLOOR, limit=None)
    shares = _largest(_errors(simulation, outputs), {output: error.rms for output, error in cost.items()})
    yield _hop("simulation", here, shares, unit=_QUANTISATION, limit=measured_limits().measured_simulation)


def _hop(start: str, end: str, found: tuple[str, float] | None, *, unit: str, limit: float | None) -> Hop:
    output, ratio = found or ("", 0.0)
    return Hop(
        start=start,
        end=end,
        output=output,
        ratio=ratio,
        unit=unit,
        exceeds=limit is not None and ratio > limit,
    )


def _floors(floor: NoiseFloor) -> dict[str, float]:
    """The floor of each output over all calls."""
    return {output: floor.rms_of(output) or 0.0 for output in floor.outputs}


def _errors(left: Path, right: Path) -> dict[str, Error]:
    found: dict[str, Error] = {}
    for one, other in zip(read_calls(left), read_calls(right), strict=False):
        for name, array in one.items():
            if array.dtype.kind == "f" and name in other:
                found[name] = found.get(name, Error()) + error_of(other[name], array)
    return found


def _largest(errors: dict[str, Error], noise: dict[str, float]) -> tuple[str, float] | None:
    ratios = {name: error.rms / noise[name] for name, error in errors.items() if noise.get(name)}
    return max(ratios.items(), key=lambda pair: pair[1], default=None)

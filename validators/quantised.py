"""Judges what is not in float32: whether it is the model that it claims to be, and what the smaller numbers cost.

Two questions, two comparisons (docs/parity.md). The first is with the simulated model, which rounds where the artifact
rounds, on every call; the second with the source, on the real samples: what a model makes of noise costs nobody.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ..converters.quantization.budget import Budget
from ..converters.tensors import Call, read_calls
from .limits import HALF, MEASURED_SIMULATION, SIMULATION, STEPS, measured_limits
from .metrics import OutputMeter, OutputMetrics
from .parity import Cause, Check, Finding, Status, TensorParity
from .tolerance import check

# Of an output that is itself in integers: one element in four a step off. A zero point one off makes 1.0, a scale 1 %
# off 0.7 in an output that uses its range.
LARGEST_STEPS = 0.5
# Below this ratio of signal to noise what is left is another model; a budget of the user's own takes its place.
LEAST_SQNR_DB = 10.0
# On real calls alone. Two independent roundings of one size give 1.41; of 156 outputs of correct artifacts of 13 models
# the largest was 0.74 (EfficientNet-Lite0, fifty layers deep), and 0.67 of those that a backend quantised by itself.
LARGEST_ON_REAL_CALLS = 1.2
_CHANGED_INTEGERS = 0.1
_OF_SIZES = frozenset({Cause.DYNAMIC_UNPROVEN, Cause.DYNAMIC_FIXED, Cause.SHAPE})
_KEEP_STATE = "keep the layers that make the state in float (--max-drop with a budget), or leave this precision out"
_FLOAT_NOISE = 5e-6  # of the scale: what float32 itself may differ by (tolerance.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPolicy:
    """What quantisation may cost against the source: the user's budget, or the least that is a model still.

    `decide` names the outputs that somebody decides by; None says that nobody knows, and all that could be do.
    """

    budget: Budget | None = None
    decide: frozenset[str] | None = None
    name: str = "cost-1"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:
        """The checks of one output; integers and booleans are decisions, and count as such."""
        kept = None if self.budget is None else self.budget.least_agreement
        if metrics.exact:
            changed = metrics.mismatches / metrics.elements if metrics.elements else 1.0
            return (check("changed integers", changed, _CHANGED_INTEGERS if kept is None else 1 - kept),)
        if kept is not None and metrics.top1 is not None and (self.decide is None or output in self.decide):
            return (check("changed decisions", 1 - metrics.top1, 1 - kept),)
        least = None if self.budget is None else self.budget.least_sqnr_db
        return (_check_ratio(metrics, LEAST_SQNR_DB if least is None else least),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPolicy:
    """How far an artifact may be from its simulation.

    `noise` is the simulation's own rms difference from the source by output, `steps` the scale of outputs in integers;
    `measured` says that some scales are chosen as the artifact runs, or are other than the simulation's. `largest` is
    another limit than that of artifacts which were quantised by a recipe.
    """

    noise: Mapping[str, float]
    measured: bool = False
    steps: Mapping[str, float] = field(default_factory=dict[str, float])
    largest: float | None = None
    name: str = "simulation-1"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:
        """One check: in steps where the output has a step that allows more, else against the noise."""
        if metrics.exact:
            changed = metrics.mismatches / metrics.elements if metrics.elements else 1.0
            return (check("integers off the simulation", changed, _CHANGED_INTEGERS),)
        noise = max(self.noise.get(output, 0.0), _FLOAT_NOISE * metrics.scale)
        step = self.steps.get(output)
        limits = measured_limits()
        largest = self.largest or (limits.measured_simulation if self.measured else limits.simulation)
        if step is not None and LARGEST_STEPS * step > largest * noise:
            return (check(STEPS, metrics.rms / step, LARGEST_STEPS),)
        share = metrics.rms / noise if noise else (math.inf if metrics.rms else 0.0)
        return (check(MEASURED_SIMULATION if self.measured else SIMULATION, share, largest),)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfPolicy:
    """How far a float16 artifact may be from the source: a few times what the source itself loses in float16.

    A runtime may keep float32 between operators and lose less, or round in another order and lose somewhat more.
    `noise` is the rms difference of the simulation, in float16 throughout, by output.
    """

    noise: Mapping[str, float]
    name: str = "half-1"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:
        """One check; integers and booleans are decisions, and may change where float16 decides otherwise."""
        if metrics.exact:
            changed = metrics.mismatches / metrics.elements if metrics.elements else 1.0
            return (check("changed integers", changed, _CHANGED_INTEGERS),)
        noise = max(self.noise.get(output, 0.0), _FLOAT_NOISE * metrics.scale)
        if not math.isfinite(noise):  # the source itself breaks down in float16, and is no measure for others
            return (_check_ratio(metrics, LEAST_SQNR_DB),)
        share = metrics.rms / noise if noise else (math.inf if metrics.rms else 0.0)
        return (check(HALF, share, measured_limits().half),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesPolicy:
    """Judges no numbers: of such a comparison its findings on shapes and open sizes count."""

    name: str = "sizes-1"

    def checks(self, metrics: OutputMetrics, *, output: str) -> tuple[Check, ...]:  # noqa: ARG002 (there are none)
        """Nothing."""
        return ()


def noise_of(reference: Iterable[Call], simulated: Iterable[Call]) -> dict[str, float]:
    """The root mean square difference of every float output over all calls."""
    meters: dict[str, OutputMeter] = {}
    for expected, found in zip(reference, simulated, strict=True):
        for name, array in expected.items():
            meters.setdefault(name, OutputMeter()).add(array, found[name])
    return {name: meter.metrics().rms for name, meter in meters.items()}


def both(
    cost: Sequence[TensorParity], simulation: Sequence[TensorParity], policy: SimulationPolicy
) -> list[TensorParity]:
    """Each output as it compares with the source, with what the comparison with the simulation found."""
    found = {output.name: output for output in simulation}
    return [_joined(output, found[output.name], policy) if output.name in found else output for output in cost]


def stricter(whole: Sequence[TensorParity], part: Sequence[TensorParity]) -> list[TensorParity]:
    """The outputs over all calls, and those that fail over a part of them as they compare there."""
    failed = {output.name: output for output in part if output.status is not Status.PASS}
    return [failed.get(output.name, output) for output in whole]


def with_sizes(cost: Sequence[TensorParity], whole: Sequence[TensorParity]) -> list[TensorParity]:
    """The outputs as they compare on the real calls, with what all calls show of open sizes.

    Real calls often have one size; the probes beside them have others.
    """
    found = {output.name: [each for each in output.findings if each.code in _OF_SIZES] for output in whole}
    return [_with_findings(output, [*found.get(output.name, []), *_not_of_sizes(output.findings)]) for output in cost]


def with_loop(cost: Sequence[TensorParity], loop: Sequence[TensorParity]) -> list[TensorParity]:
    """The outputs with what was found where the artifact ran a sequence with its own state, and the source with its."""
    found = {output.name: output for output in loop}
    return [_with_findings(output, [*output.findings, *_in_loop(found[output.name])]) for output in cost]


def _in_loop(output: TensorParity) -> Iterable[Finding]:
    for finding in _not_of_sizes(output.findings):
        reason = f"over {output.calls} calls with its own state {finding.reason}"
        yield Finding(code=Cause.CLOSED_LOOP, reason=reason, fix=_KEEP_STATE)


def _not_of_sizes(findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.code not in _OF_SIZES]


def _with_findings(cost: TensorParity, findings: Sequence[Finding]) -> TensorParity:
    return replace(cost, findings=tuple(findings), status=Status.FAIL if findings else Status.PASS)


def without_simulation(cost: Sequence[TensorParity], reason: str) -> list[TensorParity]:
    """The outputs failed, because nothing shows that they are those of the quantised model."""
    finding = Finding(
        code=Cause.NO_SIMULATION,
        reason=f"the model that the artifact should compute could not be simulated: {reason}",
        fix="read the log of the simulation; without it nobody can say that the artifact is right",
    )
    return [replace(output, status=Status.FAIL, findings=(*output.findings, finding)) for output in cost]


def _joined(cost: TensorParity, simulation: TensorParity, policy: SimulationPolicy) -> TensorParity:
    findings = tuple(_about_simulation(finding) for finding in simulation.findings)
    step, noise = policy.steps.get(cost.name), policy.noise.get(cost.name)
    return replace(
        cost,
        status=Status.FAIL if findings or cost.status is Status.FAIL else Status.PASS,
        findings=(*findings, *cost.findings),
        checks=(*simulation.checks, *cost.checks),
        steps=simulation.rms / step if step and simulation.rms is not None else None,
        noise_ratio=simulation.rms / noise if noise and simulation.rms is not None else None,
    )


def _about_simulation(finding: Finding) -> Finding:
    if finding.code is not Cause.TOLERANCE:
        return finding
    return Finding(
        code=Cause.NOT_THE_SIMULATION,
        reason=finding.reason.replace("too far from the source", "not what the quantised model computes"),
        fix="report it with the artifact: its runtime computes something else than the recipe says",
    )


def _check_ratio(metrics: OutputMetrics, least_db: float) -> Check:
    return check("noise/signal", _noise_to_signal(metrics), 10 ** (-least_db / 20))


def _noise_to_signal(metrics: OutputMetrics) -> float:
    """The ratio of amplitudes; 0 where nothing differs."""
    if metrics.rms == 0:
        return 0.0
    return 10 ** (-metrics.sqnr_db / 20) if math.isfinite(metrics.sqnr_db) else math.inf


def numbers_in(reference: Path, calls: int) -> int:
    """How many numbers the smallest float output has in the first calls of a file."""
    counts: Counter[str] = Counter()
    for call in islice(read_calls(reference), calls):
        counts.update({name: array.size for name, array in call.items() if array.dtype.kind == "f"})
    return min(counts.values(), default=0)

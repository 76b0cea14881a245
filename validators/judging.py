"""Judges runs: compares an artifact's outputs with the source's, by what is known of both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from ..converters.artifact import Artifact
from ..converters.errors import EdgeproofError
from ..converters.job import RunResult, ScoreJob
from ..converters.micro_backends import how_judged
from ..converters.precision import Precision
from ..converters.processor import this_processor
from ..converters.quantization.budget import Budget, parse_budget
from ..converters.quantization.recipe import Recipe
from ..converters.signature import Signature
from ..converters.tensors import read_calls
from .beside_host import Scales, beside_host, hop_from_host, remark_on
from .compare import compare
from .golden import Golden
from .hops import hops_of
from .noise_floor import NoiseFloor
from .observer import Truth
from .parity import ParityRow, Score, Status, TensorParity
from .quantised import (
    LARGEST_ON_REAL_CALLS,
    CostPolicy,
    HalfPolicy,
    SimulationPolicy,
    SizesPolicy,
    both,
    noise_of,
    numbers_in,
    stricter,
    with_loop,
    with_sizes,
    without_simulation,
)
from .runtime_hazards import runtime_notes
from .scoring import judge_score
from .signatures import check_signature
from .steps import Hop
from .tolerance import FloorPolicy, Policy

HOST = "host"
_FEW = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRun:
    """An artifact that ran on a target, its outputs waiting to be compared."""

    artifact: Artifact
    target: str
    outputs: Path
    result: RunResult
    seconds: float
    score: Score | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Simulated:
    """What is known of a precision's simulated model: its outputs' scales and decisions, the budget, why it failed."""

    steps: dict[str, float]
    decide: frozenset[str] | None
    measured: bool
    budget: Budget | None
    error: EdgeproofError | None


class Judge:
    """Compares runs with the reference as what they need becomes ready."""

    def __init__(self, signature: Signature, golden: Golden, *, hops: bool = False) -> None:
        self.golden = golden
        self._hops = hops
        self._signature = signature
        self._simulations: dict[str, _Simulated] = {}
        self._waiting: list[ArtifactRun] = []
        self._floor: NoiseFloor | None = None
        self._judged: dict[tuple[str, str], ArtifactRun] = {}

    def outputs_of(self, artifact: Artifact, target: str) -> Path:
        """The file for an artifact's outputs on a target."""
        return self.golden.folder / f"{Path(artifact.file).name}.{quote(target, safe='@')}.npz"

    def score_job(self, run: ArtifactRun, function: str, labels: str) -> ScoreJob:
        """The job of scoring a run and the source on the real calls."""
        return ScoreJob(
            function=function,
            labels=labels,
            reference=str(self.golden.reference),
            outputs=str(run.outputs),
            calls=self.golden.real,
        )

    def floor_is_ready(self, floor: NoiseFloor) -> None:
        """The source has run, and how much noise it makes is known."""
        self._floor = floor

    def simulation_is_ready(
        self, precision: Precision, recipe: Recipe | None, error: EdgeproofError | None = None
    ) -> None:
        """The simulated model of a precision, of that recipe if it has one, has run, or could not."""
        self._simulations[str(precision)] = _Simulated(
            steps=recipe.steps if recipe else {},
            decide=recipe.deciding if recipe else None,
            measured=recipe is not None and recipe.is_measured,
            budget=parse_budget(recipe.budget) if recipe and recipe.budget else None,
            error=error,
        )

    def own_simulation_is_ready(self, artifact: Artifact, error: EdgeproofError | None = None) -> None:
        """The program that a backend's own quantiser made of an artifact has run, or could not."""
        recipe = artifact.backend_recipe
        self._simulations[_key(artifact)] = _Simulated(
            steps=recipe.steps if recipe else {},
            decide=None,
            measured=False,
            budget=parse_budget(recipe.budget) if recipe and recipe.budget else None,
            error=error,
        )

    def run_is_ready(self, run: ArtifactRun) -> None:
        """An artifact has run."""
        self._waiting.append(run)

    def judge_ready_runs(self) -> Iterator[ParityRow]:
        """The rows of all runs that can be compared by now."""
        if self._floor is None:
            return
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            if run.artifact.precision is Precision.FP32 or _key(run.artifact) in self._simulations:
                yield self._judge(run, self._floor)
            else:
                self._waiting.append(run)

    def beside_host(self, row: ParityRow) -> ParityRow:
        """The row of another target with how far it is from the host, once all have run."""
        host, run = (self._judged.get((row.file, target)) for target in (HOST, row.target))
        if host is None or run is None or row.target == HOST:
            return row
        simulated = self._simulations.get(_key(run.artifact))
        scales = Scales(
            steps=simulated.steps if simulated else {},
            floor=self._floor.largest if self._floor else {},
        )
        found = beside_host(host.outputs, run.outputs, positions=run.result.positions, scales=scales)
        if found is None:
            return row
        note = remark_on(found, run.artifact.precision, host=host.result, there=run.result)
        hops = (*row.hops, hop_from_host(row, found)) if row.hops and found.noise_ratio is not None else row.hops
        return replace(row, beside=found, notes=(*row.notes, *((note,) if note else ())), hops=hops)

    def _judge(self, run: ArtifactRun, floor: NoiseFloor) -> ParityRow:
        """The row of one run; where only some calls ran, it is held against these."""
        self._judged[Path(run.artifact.file).name, run.target] = run
        positions = run.result.positions
        if positions is None:
            return self._compare(run, floor)
        stored = sum(1 for _ in read_calls(self.golden.calls))
        with tempfile.TemporaryDirectory(prefix="edgeproof-part-") as scratch:
            simulation = self.golden.simulation(run.artifact.precision, run.artifact.format)
            golden = self.golden.part(positions, Path(scratch) / "part", simulations=(simulation,))
            alone = golden.feedback is not None and golden.feedback.start >= len(positions)
            if alone:
                golden.feedback = None
            part = Judge(self._signature, golden, hops=self._hops)
            part._simulations = self._simulations
            row = part._compare(run, floor.part(positions))
        if len(positions) == stored:
            return row
        fewer = f"ran {len(positions)} of {stored} calls: an emulator is slow"
        state = ("what it gives with its own state was not tried there",) if alone else ()
        return replace(row, notes=(*row.notes, fewer, *state))

    def _compare(self, run: ArtifactRun, floor: NoiseFloor) -> ParityRow:
        outputs, policy = self._outputs(run, floor)
        declared = run.result.declared or run.artifact.signature
        wrong, told = judge_score(self._budget(run.artifact), run.score)
        processor = run.result.processor or this_processor()
        known = runtime_notes(run.result.made_by, processor, run.artifact.precision)
        findings = (*check_signature(self._signature, declared, layouts=run.artifact.layouts), *wrong)
        passed = bool(outputs) and not findings and all(output.status is Status.PASS for output in outputs)
        failed = [output for output in outputs if output.status is not Status.PASS]
        first = findings[0] if findings else next((output.findings[0] for output in failed if output.findings), None)
        return ParityRow(
            file=Path(run.artifact.file).name,
            format=run.artifact.format,
            precision=str(run.artifact.precision),
            target=run.target,
            status=Status.PASS if passed else Status.FAIL,
            reason=first.reason if first else "",
            fix=first.fix if first else "",
            code=first.code if first else None,
            backend=run.artifact.backend,
            sha256=run.artifact.sha256,
            bytes=run.artifact.bytes,
            findings=findings,
            notes=(*run.artifact.notes, *how_judged(run.artifact.backend, run.artifact.format), *told, *known),
            outputs=tuple(outputs),
            samples=run.result.calls,
            seconds=run.seconds,
            ms_per_call=None if run.result.emulated else run.result.median_call_seconds * 1000,
            policy=policy,
            score=run.score,
            hops=() if passed and not self._hops else self._split(run, floor),
            emulated=run.result.emulated,
            processor=processor,
            made_by=run.artifact.made_by,
            run_by=run.result.made_by,
            estimate=run.artifact.estimate,
        )

    def _split(self, run: ArtifactRun, floor: NoiseFloor) -> tuple[Hop, ...]:
        return hops_of(self.golden, run.artifact, run.target, run.outputs, floor)

    def _budget(self, artifact: Artifact) -> Budget | None:
        simulated = self._simulations.get(_key(artifact))
        return None if simulated is None else simulated.budget

    def _outputs(self, run: ArtifactRun, floor: NoiseFloor) -> tuple[list[TensorParity], str]:
        """The comparison of an artifact's outputs, and the name of the policy that judged it."""
        precision = run.artifact.precision
        reference = self.golden.reference
        if precision is Precision.FP32:
            exactly = FloorPolicy(floor=floor)
            found = self._compared(reference, run.outputs, exactly, truth=self.golden.truths(floor))
            return [replace(output, floor=floor.rms_of(output.name)) for output in found], exactly.name
        cost, name = self._quantised(run)
        start = None if self.golden.feedback is None else self.golden.feedback.start
        if start is None:
            return cost, name
        simulated = self._simulations[_key(run.artifact)]
        policy = CostPolicy(budget=simulated.budget, decide=simulated.decide)
        return with_loop(cost, self._compared(reference, run.outputs, policy, start=start)), name

    def _quantised(self, run: ArtifactRun) -> tuple[list[TensorParity], str]:
        """What is not in float32, call by call."""
        precision, reference = run.artifact.precision, self.golden.reference
        simulated = self._simulations[_key(run.artifact)]
        path = self.golden.simulation(precision, run.artifact.format)
        real = max(self.golden.real, 1)
        whole = self._compared(reference, run.outputs, SizesPolicy())

        def on_real_calls(policy: Policy) -> list[TensorParity]:
            return with_sizes(self._compared(reference, run.outputs, policy, calls=real), whole)

        policy = CostPolicy(budget=simulated.budget, decide=simulated.decide)
        if simulated.error is not None:
            return without_simulation(on_real_calls(policy), simulated.error.message), policy.name
        single = None if self.golden.feedback is None else self.golden.feedback.start
        if precision is Precision.FP16:
            # What a few numbers lose is a matter of luck.
            calls = real if numbers_in(self.golden.reference, real) >= _FEW else single
            half = HalfPolicy(noise=self._noise(path, calls=calls))
            return with_sizes(self._compared(reference, run.outputs, half, calls=calls), whole), half.name
        noise = self._noise(path, calls=single)
        expected = SimulationPolicy(noise=noise, measured=simulated.measured, steps=simulated.steps)
        simulation = self._compared(path, run.outputs, expected, calls=single)
        # Scales that real inputs fixed clip generated ones, and that noise would hide a fault on real ones. What a few
        # numbers lose is a matter of luck.
        if self.golden.real and (
            run.artifact.backend_recipe is not None or numbers_in(self.golden.reference, real) >= _FEW
        ):
            strict = replace(expected, noise=self._noise(path, calls=real), largest=LARGEST_ON_REAL_CALLS)
            on_real = with_sizes(self._compared(path, run.outputs, strict, calls=real), simulation)
            simulation = stricter(simulation, on_real)
        return both(on_real_calls(policy), simulation, expected), f"{policy.name}, {expected.name}"

    def _noise(self, simulation: Path, *, calls: int | None = None) -> dict[str, float]:
        """What a simulation loses against the source, by output."""
        return noise_of(islice(read_calls(self.golden.reference), calls), islice(read_calls(simulation), calls))

    def _compared(  # noqa: PLR0913 (two files, how they are judged, and which calls of them)
        self,
        reference: Path,
        outputs: Path,
        policy: Policy,
        *,
        start: int = 0,
        calls: int | None = None,
        truth: Iterable[Truth] = (),
    ) -> list[TensorParity]:
        """Two files compared from call `start` on, up to call `calls` or the last."""
        left, right = islice(read_calls(reference), start, calls), islice(read_calls(outputs), start, calls)
        return compare(left, right, signature=self._signature, policy=policy, truth=truth)


def _key(artifact: Artifact) -> str:
    """By what its simulation goes: its own name where a backend quantised it by itself, else its precision."""
    return Path(artifact.file).name if artifact.backend_recipe is not None else str(artifact.precision)

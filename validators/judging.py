"""Judges runs: keeps the samples and the source's outputs, and compares an artifact's with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..converters.artifact import Artifact
from ..converters.job import Description, RunResult
from ..converters.signature import Signature
from ..converters.tensors import read_calls, write_calls
from .compare import compare
from .parity import ParityRow, Status
from .processor import this_processor
from .request import Request
from .samples import SampleSet, collect, read_samples
from .signatures import check_signature
from .tolerance import policy_for

GOLDEN = "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRun:
    """An artifact that ran on a target, its outputs waiting to be compared."""

    artifact: Artifact
    target: str
    outputs: Path
    result: RunResult
    seconds: float


def collect_samples(request: Request, description: Description) -> SampleSet:
    """The calls of a run: the user's, the example, probes; InputError if the user's do not fit."""
    example = next(read_calls(Path(description.examples)))
    if description.samples is not None:
        given = list(read_calls(Path(description.samples)))
    elif request.samples is not None:
        given = read_samples(Path(request.samples), description.signature, example)
    else:
        given = []
    return collect(description.signature, example, given=given, seed=request.seed)


class Judge:
    """Compares runs with the reference as both become ready; files lie in `folder`/golden."""

    def __init__(self, signature: Signature, folder: Path) -> None:
        self._signature = signature
        self._golden = folder / GOLDEN
        self._golden.mkdir(exist_ok=True)
        self._waiting: list[ArtifactRun] = []
        self._has_reference = self.reference.exists()

    @property
    def calls(self) -> Path:
        """The file of calls to run."""
        return self._golden / "samples.npz"

    @property
    def reference(self) -> Path:
        """The file of the source's outputs."""
        return self._golden / "reference.npz"

    def store(self, samples: SampleSet) -> None:
        """Write the calls where runners find them."""
        write_calls(self.calls, samples.calls)

    def outputs_of(self, artifact: Artifact, target: str) -> Path:
        """The file for an artifact's outputs on a target."""
        safe = target.replace(":", "-").replace("/", "-")
        return self._golden / f"{Path(artifact.file).name}.{safe}.npz"

    def reference_is_ready(self) -> None:
        """The source has run."""
        self._has_reference = True

    def run_is_ready(self, run: ArtifactRun) -> None:
        """An artifact has run."""
        self._waiting.append(run)

    def judge_ready_runs(self) -> Iterator[ParityRow]:
        """The rows of all runs that can be compared by now."""
        if not self._has_reference:
            return
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            yield self._judge(run)

    def _judge(self, run: ArtifactRun) -> ParityRow:
        policy = policy_for(run.artifact.precision)
        outputs = compare(read_calls(self.reference), read_calls(run.outputs), signature=self._signature, policy=policy)
        declared = run.result.declared or run.artifact.signature
        findings = check_signature(self._signature, declared, layouts=run.artifact.layouts)
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
            notes=run.artifact.notes,
            outputs=tuple(outputs),
            samples=run.result.calls,
            seconds=run.seconds,
            ms_per_call=run.result.median_call_seconds * 1000,
            policy=policy.name,
            processor=this_processor(),
            made_by=run.artifact.made_by,
            run_by=run.result.made_by,
        )

"""Runs an artifact on the calls of a converted model's folder, and asks edgeproof and the others what they say."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeproof.converters import manifest
from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import EdgeproofError
from edgeproof.converters.job import RunResult
from edgeproof.converters.layouts import to_artifact, to_source
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.files import read_recipe
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.golden import Golden
from edgeproof.validators.judging import ArtifactRun, Judge
from edgeproof.validators.limits import LARGEST, RMS
from edgeproof.validators.parity import ParityRow, Status
from edgeproof.validators.reports.json import decode

from .criteria import CRITERIA

Call = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was said of one artifact: by edgeproof, and by each criterion (True for a pass).

    `rms` and `largest` are multiples of the noise floor, None where nothing could be measured.
    """

    model: str
    format: str
    precision: str
    fault: str
    planted: str
    status: str
    code: str | None
    rms: float | None
    largest: float | None
    others: dict[str, bool] = field(default_factory=dict)


class Bench:
    """One converted model."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._made = manifest.read(folder)
        self._golden = Golden(folder, real=_real_calls(folder))
        self._judge = Judge(self._made.signature, self._golden)
        self._judge.floor_is_ready(self._golden.stored_floor())
        for precision, recipe in self._made.recipes.items():
            self._judge.simulation_is_ready(Precision(precision), read_recipe(folder / recipe)[0])
        self.calls = list(read_calls(self._golden.calls))
        self.source = list(read_calls(self._golden.reference))

    def artifacts(self, precision: Precision = Precision.FP32) -> list[Artifact]:
        """Those of one precision, where they lie."""
        return [each.in_folder(self._folder) for each in self._made.artifacts if each.precision is precision]

    def outputs(self, artifact: Artifact, *, threads: int = 1) -> list[Call]:
        """What an artifact gives for every call; inputs and outputs go by position, as a broken one may rename them."""
        runner = importlib.import_module(f"edgeproof.validators.runners.{artifact.format}")
        names = [spec.name for spec in artifact.signature.inputs]
        own = [spec.name for spec in self._made.outputs]
        given = []
        with runner.open_runner(artifact, threads=threads) as opened:
            for call in self.calls:
                inputs = to_artifact(dict(zip(names, call.values(), strict=True)), artifact.layouts)
                found = to_source(opened.run(inputs), artifact.layouts)
                given.append(dict(zip(own, found.values(), strict=True)))
        return given

    def verdict(self, artifact: Artifact, calls: Sequence[Call], *, fault: str, planted: str) -> Verdict:
        """What is said of an artifact that gave these calls."""
        row = self._row(artifact, calls)
        return Verdict(
            model=self.name,
            format=artifact.format,
            precision=str(artifact.precision),
            fault=fault,
            planted=planted,
            status=str(row.status),
            code=row.code,
            rms=_largest(row, RMS),
            largest=_largest(row, LARGEST),
            others={name: _passes(name, self.source, calls) for name in CRITERIA},
        )

    def broken(self, artifact: Artifact, error: EdgeproofError, *, fault: str, planted: str) -> Verdict:
        """An artifact that its runtime refuses: everybody sees that."""
        return Verdict(
            model=self.name,
            format=artifact.format,
            precision=str(artifact.precision),
            fault=fault,
            planted=planted,
            status=str(Status.RUN_FAIL),
            code=type(error).__name__,
            rms=None,
            largest=None,
            others=dict.fromkeys(CRITERIA, False),
        )

    def _row(self, artifact: Artifact, calls: Sequence[Call]) -> ParityRow:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "outputs.npz"
            write_calls(path, calls)
            result = RunResult(calls=len(calls), median_call_seconds=0.0, made_by={})
            plain = replace(artifact, signature=self._made.signature, layouts={})
            run = ArtifactRun(artifact=plain, target="host", outputs=path, result=result, seconds=0.0)
            self._judge.run_is_ready(run)
            (row,) = self._judge.judge_ready_runs()
        return row


def _real_calls(folder: Path) -> int:
    return decode((folder / "parity.json").read_bytes()).real_calls


def _largest(row: ParityRow, quantity: str) -> float | None:
    found = [check.value for output in row.outputs for check in output.checks if check.quantity == quantity]
    known = [value for value in found if value is not None]
    return max(known) if known and len(known) == len(found) else None


def _passes(name: str, source: Sequence[Call], actual: Sequence[Call]) -> bool:
    if any(left.keys() != right.keys() for left, right in zip(source, actual, strict=True)):
        return False
    if any(left[key].shape != right[key].shape for left, right in zip(source, actual, strict=True) for key in left):
        return False
    return CRITERIA[name](source, actual)

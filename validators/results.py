"""Collects what became of every artifact, and writes the manifest and the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..converters import manifest, registry
from ..converters.artifact import Artifact, extension_of
from ..converters.errors import EdgeproofError, NotRunnable, QuantizationError
from ..converters.job import Description, RunResult
from ..converters.manifest import Manifest
from ..converters.output_folder import RECIPES
from ..converters.precision import Precision
from ..converters.preprocessing.spec import is_specification
from ..converters.preprocessing.storing import store_spec
from ..converters.processor import this_processor
from ..converters.registry_rows import ConverterRow
from ..converters.versions import versions_of
from ..converters.worker.confinement import Containment
from ..converters.worker.pool import Finished
from ..converters.writing import write_atomically
from .basis import Basis
from .golden import Golden
from .parity import ParityReport, ParityRow, Status, verdict_of
from .reports.json import write_json
from .request import Outcome, Request, Timing
from .rows import failed_run, row_of, with_error
from .samples import SampleSet

Key = tuple[str, str, str]


class Results:
    """Rows by format, precision and target; `write` puts them in the order of the request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._rows: dict[Key, ParityRow] = {}
        self._artifacts: dict[tuple[str, str], Artifact] = {}
        self._recipes: dict[Precision, Path] = {}
        self._timings: list[Timing] = []
        self._description: Description | None = None
        self._samples: SampleSet | None = None
        self._containment: Containment | None = None
        self._golden: Golden | None = None
        self._calibration_sha256: str | None = None

    def described(self, description: Description, samples: SampleSet) -> None:
        """The source is known."""
        self._description = description
        self._samples = samples

    def judged_by(self, golden: Golden) -> None:
        """Where the files are that verdicts stand on."""
        self._golden = golden

    def calibrated(self, sha256: str) -> None:
        """The calls are known that scales come from."""
        self._calibration_sha256 = sha256

    def contained(self, containment: Containment | None) -> None:
        """The jobs are done; this held for those that opened the source's file."""
        self._containment = containment

    def timed(self, title: str, finished: Finished[Any]) -> None:
        """A job ended."""
        self._timings.append(
            Timing(
                title=title,
                wall_seconds=finished.wall_seconds,
                stages=finished.seconds,
                peak_bytes=finished.peak_bytes,
            )
        )

    def made(self, artifact: Artifact) -> None:
        """An artifact exists; unless it will be run, that is all that can be said of it."""
        self._artifacts[artifact.format, artifact.precision] = artifact
        if not self._request.verify:
            row = row_of(artifact, "none", Status.NOT_RUN)
            self._keep(replace(row, reason="not verified, as --no-verify asked", fix="run `edgeproof verify`"))

    def based(self, basis: Basis) -> None:
        """A precision has a recipe."""
        if basis.recipe is not None:
            self._recipes[basis.precision] = Path(basis.recipe)

    def failed(self, row: ConverterRow, precision: Precision, error: EdgeproofError) -> None:
        """A conversion ended without an artifact."""
        status = Status.QUANTIZE_FAIL if isinstance(error, QuantizationError) else Status.CONVERT_FAIL
        for target in self._request.targets:
            self._keep(self._absent(str(row.format), precision, target, status, error))

    def not_made_in(self, format_name: str, precision: Precision) -> None:
        """A format does not have a precision."""
        able = sorted({str(row.format) for row in registry.converters().values() if precision in row.precisions})
        error = QuantizationError(
            f"{format_name} artifacts are not made in {precision}", fix=f"--to {','.join(able)} for this precision"
        )
        for target in self._request.targets:
            self._keep(self._absent(format_name, precision, target, Status.QUANTIZE_FAIL, error))

    def not_run(self, row: ConverterRow, precision: Precision, error: NotRunnable) -> None:
        """A conversion could not be tried on this machine."""
        for target in self._request.targets:
            self._keep(self._absent(str(row.format), precision, target, Status.NOT_RUN, error))

    def cannot_run(self, artifact: Artifact, target: str, error: NotRunnable) -> None:
        """An artifact was made, but nothing here can run it."""
        self._keep(with_error(row_of(artifact, target, Status.NOT_RUN), error))

    def run_failed(self, artifact: Artifact, target: str, finished: Finished[RunResult]) -> None:
        """An artifact could not be opened, or broke while it ran."""
        self._keep(failed_run(artifact, target, finished))

    def not_scored(self, artifact: Artifact, target: str, error: EdgeproofError) -> None:
        """An artifact ran, and the user's metric did not."""
        self._keep(with_error(row_of(artifact, target, Status.FAIL), error))

    def judged(self, row: ParityRow) -> None:
        """An artifact ran and was compared."""
        self._keep(row)

    def complete(self, change: Callable[[ParityRow], ParityRow]) -> None:
        """Change every row, when all are there."""
        self._rows = {key: change(row) for key, row in self._rows.items()}

    def write(self, folder: Path) -> Outcome:
        """Write manifest.json and parity.json into `folder`; raises UsageError if the disk is full."""
        description, samples = self._description, self._samples
        if description is None or samples is None:
            raise EdgeproofError("the source was never described", fix="report this as a bug")
        made = self._manifest(description, folder)
        report = self._report(description, samples)
        write_atomically(folder / manifest.FILE_NAME, manifest.encode(made))
        write_json(report, folder / "parity.json")
        return Outcome(folder=None, manifest=made, report=report, timings=tuple(self._timings))

    def _manifest(self, description: Description, folder: Path) -> Manifest:
        ordered = (
            self._artifacts[format_name, precision]
            for format_name in self._request.formats
            for precision in self._request.precisions
            if (format_name, precision) in self._artifacts
        )
        return Manifest(
            source=manifest.record_source(description, self._containment),
            inputs=description.signature.inputs,
            outputs=description.signature.outputs,
            dims=description.signature.dims,
            artifacts=tuple(manifest.record_artifact(artifact) for artifact in ordered),
            recipes={str(precision): f"{RECIPES}/{path.name}" for precision, path in self._recipes.items()},
            golden=self._golden.hashes() if self._golden and self._request.verify else {},
            feedback=self._golden.feedback if self._golden else None,
            preprocess=self._preprocess(folder),
            calibration_sha256=self._calibration_sha256,
        )

    def _preprocess(self, folder: Path) -> str | None:
        given = self._request.preprocess
        return store_spec(Path(given), folder) if given is not None and is_specification(given) else None

    def _report(self, description: Description, samples: SampleSet) -> ParityReport:
        rows = tuple(sorted(self._rows.values(), key=self._order_of))
        return ParityReport(
            verdict=verdict_of(rows),
            results=rows,
            source=description.source.name,
            source_sha256=manifest.source_sha256(description.source),
            samples_sha256=samples.sha256,
            samples=samples.count,
            real_samples=samples.real,
            real_calls=samples.given,
            seed=self._request.seed,
            processor=this_processor(),
            edgeproof=versions_of("edgeproof").get("edgeproof", "unknown"),
            notes=description.notes,
        )

    def _order_of(self, row: ParityRow) -> tuple[int, int, int]:
        precisions = [str(precision) for precision in self._request.precisions]
        targets = [*self._request.targets, row.target]  # what was not verified has another name there
        return self._request.formats.index(row.format), precisions.index(row.precision), targets.index(row.target)

    def _absent(
        self, format_name: str, precision: Precision, target: str, status: Status, error: EdgeproofError
    ) -> ParityRow:
        name = f"{self._request.source.name}.{format_name}.{precision}{extension_of(format_name)}"
        parity = ParityRow(file=name, format=format_name, precision=str(precision), target=target, status=status)
        return with_error(parity, error)

    def _keep(self, row: ParityRow) -> None:
        self._rows[row.format, row.precision, row.target] = row

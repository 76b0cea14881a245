"""Which rows of the tables a request needs, and the tasks that they become."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..converters import registry
from ..converters.artifact import Artifact, extension_of
from ..converters.errors import UsageError
from ..converters.job import ConvertJob, DescribeJob, Description, IdentifyJob, ReferenceJob, RunResult
from ..converters.precision import Precision
from ..converters.registry_rows import ConverterRow
from ..converters.source import Framework, Source, SourceKind
from ..converters.worker.pool import Finished, Pool, Task
from ..converters.worker.reading import looked, seconds_to_look
from ..converters.worker.stacks import Stack
from ..converters.worker.warm import WarmJob
from .basis import Basis
from .golden import Golden
from .micro import require_micro
from .request import Request
from .running import not_installed
from .targets.micro import site_of
from .user_samples import made_by_user

_WARM_ENTRY = "edgeproof.converters.worker.warm:warm"
_IDENTIFY_ENTRY = "edgeproof.converters.checkpoints.keras_source:identify"
_READS_HDF5 = "h5py"
_FIRST = 100.0


def identified(source: Source, pool: Pool) -> Source:
    """The source with the framework that its file asks for, where only a worker may look into it.

    Keras files are judged here, before a framework is there that could build what they ask for. Raises SourceError,
    UnsafeInput, NotRunnable if what reads them is not installed.
    """
    if source.framework is not Framework.KERAS or source.path is None:
        return source
    if find_spec(_READS_HDF5) is None:
        raise not_installed((_READS_HDF5,), "opening Keras files", registry.describer(Framework.KERAS).extra)
    task = Task(
        title="file",
        entry=_IDENTIFY_ENTRY,
        job=IdentifyJob(source=source),
        result=Source,
        stack=Stack.RUNTIMES,
        cost=_FIRST,
        seconds=seconds_to_look(Path(source.path)),
    )
    answers: list[Finished[Source]] = []
    pool.submit(task, answers.append)
    pool.drain()
    return looked(answers[0], Path(source.path))


def rows_for(request: Request, precision: Precision) -> list[ConverterRow]:
    """The table's row for every format that was asked for and can be made in this precision.

    UsageError for a format or backend that there is not, or if none of the formats has the precision.
    """
    framework = str(request.source.framework)
    require_micro(request)
    found = {name: registry.converter(framework, name, precision, backend=request.backend) for name in request.formats}
    for name, row in found.items():
        if row is None and registry.converter(framework, name, Precision.FP32) is None:
            known = sorted({str(row.format) for row in registry.converters().values() if row.origin == framework})
            raise UsageError(f"there is no way from {framework} to {name!r}", fix=f"choose from {', '.join(known)}")
    rows = [row for row in found.values() if row is not None]
    if not rows:
        able = sorted({str(row.format) for row in registry.converters().values() if precision in row.precisions})
        raise UsageError(
            f"{precision} cannot be had in {', '.join(request.formats)}",
            fix=f"--to {','.join(able)}, or another precision",
        )
    if request.backend and not any(request.backend in row.backends for row in rows):
        known = sorted({backend for row in rows for backend in row.backends})
        raise UsageError(f"no format has the backend {request.backend!r}", fix=f"choose from {', '.join(known)}")
    return rows


def description_task(request: Request, folder: Path) -> Task[Description]:
    """Load the source and find its signature; raises NotRunnable if its framework is not installed."""
    row = registry.describer(request.source.framework)
    if row.missing:
        raise not_installed(row.missing, f"opening {row.framework} models", row.extra)
    if request.source.kind is SourceKind.TRANSFORMERS and find_spec("transformers") is None:
        raise not_installed(("transformers",), "opening a Transformers folder", "transformers")
    job = DescribeJob(
        source=request.source,
        folder=str(folder),
        dynamic=request.dynamic,
        samples=made_by_user(request, request.samples),
        calibration=made_by_user(request, request.calibration),
        preprocess=request.preprocess,
    )
    return Task(
        title="source", entry=row.entry, job=job, result=Description, stack=row.stack, cost=_FIRST, warmth="source"
    )


def warm_up_task(request: Request, row: ConverterRow) -> Task[tuple[str, ...]]:
    """Import what a conversion needs and load the source, while another worker describes it."""
    opener = registry.describer(request.source.framework).opener
    return Task(
        title=f"prepare {row.format}",
        entry=_WARM_ENTRY,
        job=WarmJob(entries=(row.entry,), opener=opener, source=request.source),
        result=tuple[str, ...],
        stack=row.stack,
        cost=_FIRST - 1,
        warmth=str(row.format),
        site=site_of(row.stack),
    )


def longest(rows: Sequence[ConverterRow]) -> ConverterRow | None:
    """The row that takes the most time of those that can run here and open the source themselves."""
    return max((row for row in rows if not row.missing and not row.from_graph), key=lambda row: row.cost, default=None)


def reference_task(
    description: Description, golden: Golden, *, outputs: Path, required: int, jitter: int | None = None
) -> Task[RunResult]:
    """Run the source on the stored calls, with the jitter of a seed for one; the first `required` must succeed."""
    row = registry.describer(description.source.framework)
    job = ReferenceJob(
        source=description.source,
        signature=description.signature,
        calls=str(golden.calls),
        outputs=str(outputs),
        required=required,
        fingerprint=description.fingerprint,
        jitter=jitter,
        feedback=golden.feedback,
    )
    return Task(
        title="reference" if jitter is None else "jitter",
        entry=f"edgeproof.validators.runners.{row.framework}:run",
        job=job,
        result=RunResult,
        stack=row.stack,
        cost=_FIRST,
        warmth="source",
        sticky=True,
    )


def convert_job(
    request: Request, description: Description, row: ConverterRow, basis: Basis, folder: Path
) -> ConvertJob:
    """The job of one conversion, writing into `folder`."""
    return ConvertJob(
        source=description.source,
        signature=description.signature,
        examples=description.examples,
        format=str(row.format),
        output=str(folder / f"{description.source.name}.{row.format}.{basis.precision}{extension_of(row.format)}"),
        precision=basis.precision,
        onnx_graph=basis.onnx_graph,
        recipe=basis.recipe,
        calibration=basis.calibration,
        budget=request.budget if row.simulator else None,
        backend=request.backend if request.backend in row.backends else None,
        fingerprint=description.fingerprint,
        options=request.options,
    )


def conversion_task(row: ConverterRow, job: ConvertJob, *, sticky: bool = False) -> Task[Artifact]:
    """Convert; `sticky` waits for a worker that has been prepared for it."""
    return Task(
        title=f"{row.format} {job.precision}",
        entry=row.entry,
        job=job,
        result=Artifact,
        stack=row.stack,
        cost=row.cost,
        warmth=str(row.format),
        sticky=sticky,
        site=site_of(row.stack),
    )

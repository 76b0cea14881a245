"""Diagnoses one artifact: runs it, traces its source, looks inside, and writes down where both part."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...converters import manifest, registry
from ...converters.artifact import Artifact
from ...converters.diagnosis_job import ExtractJob, TapJob, TappedJob, Taps, Trace, TraceJob
from ...converters.errors import ConversionError, InputError, NotRunnable
from ...converters.job import ConvertJob, ConvertOptions, Layout
from ...converters.manifest import Manifest
from ...converters.precision import Precision
from ...converters.registry_rows import QuantizerRow
from ...converters.signature import Signature, TensorSpec
from ...converters.source import Framework, Source
from ...converters.tensors import Call, read_calls, write_calls
from ...converters.worker.pool import Finished, Limits, Pool, Task
from ..golden import Golden, copied
from ..judging import ArtifactRun, Judge
from ..noise_floor import error_of
from ..parity import Element, ParityRow, Status
from ..pipeline import Listener, ignore_progress
from ..planning import identified
from ..rows import changed_row
from ..running import not_installed, run_task
from ..verification import folder_of
from .locating import Layer, Location, layers_of, locate, wrong_ones
from .matching import Values
from .report import DiagnosedLayer, Diagnosis, Ending
from .reproduction import require_empty, write_reproduction

Result = TypeVar("Result")
_LOWERED_AGAIN = "executorch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Diagnose the artifact at `place` against `source`; what reproduces the fault is written to `output`."""

    place: Path
    source: Source
    output: Path
    target: str = "host"
    limits: Limits = field(default_factory=Limits)


def diagnose(request: Request, *, on_progress: Listener = ignore_progress) -> Diagnosis:
    """Where the artifact leaves its source.

    Raises InputError if there is no such artifact or nothing to judge it by, NotRunnable for what cannot be looked
    into, UsageError if the output is a folder with something in it.
    """
    folder, only = folder_of(request.place)
    made = manifest.read(folder)
    record = next((record for record in made.artifacts if record.file == only), None)
    if record is None:
        names = ", ".join(record.file for record in made.artifacts)
        raise InputError(f"{request.place} is no artifact that {folder} names", fix=f"choose from {names}")
    if record.precision is not Precision.FP32:
        raise NotRunnable(
            f"{record.file} is in {record.precision}, and the values inside are compared in fp32 alone",
            fix="`edgeproof verify --hops` says which step is at fault",
        )
    require_empty(request.output)
    limits = request.limits.for_input(folder)
    with (
        tempfile.TemporaryDirectory(prefix="edgeproof-diagnose-") as scratch,
        Pool(limits, on_progress=on_progress) as pool,
    ):
        golden = copied(folder, Path(scratch), made)
        run = _Run(request, made, record.in_folder(folder), golden, pool)
        return run.diagnose(Path(scratch))


class _Run:
    """One diagnosis, step by step."""

    def __init__(self, request: Request, made: Manifest, artifact: Artifact, golden: Golden, pool: Pool) -> None:
        self._request = request
        self._made = made
        self._artifact = artifact
        self._golden = golden
        self._pool = pool

    def diagnose(self, scratch: Path) -> Diagnosis:
        row, outputs = self._judged()
        failed = {output.name for output in row.outputs if output.status is not Status.PASS}
        call = _worst_call(self._golden, outputs, failed)
        calls = scratch / "call.npz"
        write_calls(calls, [_nth(self._golden.calls, call)])
        program = self._program(calls)
        traced, origin = self._traced(program, calls, scratch / "trace.npz")
        exact = next(read_calls(scratch / "trace.npz"))
        taps, values = self._tapped(program, origin, calls, scratch)
        layers = layers_of(traced, exact, values)
        given = {name: array for name, array in _nth(outputs, call).items() if name in failed & traced.outputs.keys()}
        location = locate(*wrong_ones(traced, taps, exact, values, given), layers, exact, values)
        found = _diagnosis(self._artifact, row, call, layers, taps)
        if location is None:
            ending = Ending.NOTHING if row.status is Status.PASS else Ending.RUNTIME
            return replace(found, ending=ending)
        found = _located(found, location, layers)
        job = ExtractJob(
            artifact=self._artifact,
            calls=str(calls),
            tap=location.tap or "",
            file="",
            inputs="",
            program=program,
            nodes=tuple(node.name for node in (location.guilty, *location.fused)),
        )
        return self._reproduced(found, location, job, origin)

    def _judged(self) -> tuple[ParityRow, Path]:
        """How the artifact does on all calls, and what it gives."""
        changed = changed_row(self._artifact, self._request.target)
        judge = Judge(self._made.signature, self._golden, hops=True)
        judge.floor_is_ready(self._golden.stored_floor())
        outputs = judge.outputs_of(self._artifact, self._request.target)
        result = self._ask(run_task(self._artifact, self._request.target, golden=self._golden, outputs=outputs))
        run = ArtifactRun(
            artifact=self._artifact, target=self._request.target, outputs=outputs, result=result, seconds=0.0
        )
        judge.run_is_ready(run)
        (row,) = judge.judge_ready_runs()
        return (row if changed is None else replace(row, notes=(*row.notes, changed.reason))), outputs

    def _program(self, calls: Path) -> ConvertJob:
        layouts = self._artifact.layouts
        inputs = [layouts[spec.name] for spec in self._made.inputs if spec.name in layouts]
        outputs = [layouts[spec.name] for spec in self._made.outputs if spec.name in layouts]
        return ConvertJob(
            source=identified(self._request.source, self._pool),
            signature=self._made.signature,
            examples=str(calls),
            format=self._artifact.format,
            output="",
            options=ConvertOptions(
                input_layout=Layout(inputs[0]) if inputs else None,
                output_layout=Layout(outputs[0]) if outputs else None,
            ),
        )

    def _traced(self, program: ConvertJob, calls: Path, values: Path) -> tuple[Trace, QuantizerRow]:
        row = registry.quantizer(str(program.source.framework))
        if program.source.framework is Framework.TENSORFLOW or row is None:
            raise NotRunnable(
                "the source is a TensorFlow function, whose operators are not traced",
                fix="`edgeproof verify --hops` says which step is at fault",
            )
        if row.missing:
            raise not_installed(row.missing, "tracing the source", row.extra)
        job = TraceJob(program=program, calls=str(calls), values=str(values))
        try:
            return self._ask(_task("trace", row.tracer, job, Trace, row)), row
        except ConversionError as error:
            raise NotRunnable(
                f"the source has no program of which operators are traced: {error.message}",
                fix="`edgeproof verify --hops` says which step is at fault",
            ) from error

    def _tapped(self, program: ConvertJob, origin: QuantizerRow, calls: Path, scratch: Path) -> tuple[Taps, Values]:
        values = scratch / "taps.npz"
        runner = registry.runners()[self._artifact.format]
        if runner.tap:
            job = TapJob(artifact=self._artifact, calls=str(calls), values=str(values))
            taps = self._ask(Task(title="taps", entry=runner.tap, job=job, result=Taps, stack=runner.stack, cost=1))
            return taps, Values(next(read_calls(values)))
        if self._artifact.format != _LOWERED_AGAIN:
            raise NotRunnable(
                f"nothing here looks into {self._artifact.format} artifacts",
                fix="`edgeproof verify --hops` says which step is at fault",
            )
        again = scratch / f"tapped{Path(self._artifact.file).suffix}"
        tapped = TappedJob(program=program, artifact=self._artifact, output=str(again))
        taps = self._ask(_task("taps", origin.tapped, tapped, Taps, origin))
        return taps, Values(self._run_tapped(again, taps, calls, values))

    def _run_tapped(self, file: Path, taps: Taps, calls: Path, values: Path) -> Call:
        """What the program that was lowered again gives beside the artifact's own outputs."""
        signature = self._artifact.signature
        inside = tuple(TensorSpec(name=f"tap {tap.name}", dtype="float32", shape=()) for tap in taps.taps)
        wider = Signature(inputs=signature.inputs, outputs=(*signature.outputs, *inside), dims=signature.dims)
        tapped = replace(self._artifact, file=str(file), signature=wider, layouts={})
        place = values.parent / "again"
        place.mkdir()
        golden = Golden(place)
        shutil.copyfile(calls, golden.calls)
        self._ask(run_task(tapped, self._request.target, golden=golden, outputs=values))
        given = next(read_calls(values))
        return {name.removeprefix("tap "): array for name, array in given.items() if name.startswith("tap ")}

    def _reproduced(self, found: Diagnosis, location: Location, job: ExtractJob, origin: QuantizerRow) -> Diagnosis:
        runner = registry.runners()[self._artifact.format]
        entry = runner.extract or origin.extract
        stack = runner.stack if runner.extract else origin.stack

        def extract(job: ExtractJob) -> None:
            self._ask(Task(title="extract", entry=entry, job=job, result=int, stack=stack, cost=1))

        try:
            return write_reproduction(self._request.output, found, location, job, extract)
        except NotRunnable as error:
            return replace(found, notes=(*found.notes, f"no file reproduces it alone: {error.message}"))

    def _ask(self, task: Task[Result]) -> Result:
        answers: list[Finished[Result]] = []
        self._pool.submit(replace(task, confined=self._request.source.is_foreign), answers.append)
        self._pool.drain()
        return answers[0].value()


def _task(title: str, entry: str, job: object, result: type[Result], row: QuantizerRow) -> Task[Result]:
    return Task(title=title, entry=entry, job=job, result=result, stack=row.stack, cost=10, warmth="source")


def _nth(path: Path, place: int) -> Call:
    return next(call for index, call in enumerate(read_calls(path)) if index == place)


def _worst_call(golden: Golden, outputs: Path, failed: set[str]) -> int:
    """The call with the largest difference, as a share of the output's size in that call; not one of a sequence.

    If any failed, these outputs alone count.
    """
    most, worst = -1.0, 0
    last = None if golden.feedback is None else golden.feedback.start
    for index, (source, actual) in enumerate(zip(read_calls(golden.reference), read_calls(outputs), strict=False)):
        if last is not None and index >= last:
            break
        for name, array in source.items():
            if name in actual and array.dtype.kind == "f" and (not failed or name in failed):
                size = error_of(array, np.zeros_like(array)).rms
                share = error_of(actual[name], array).rms / size if size else 0.0
                if share > most:
                    most, worst = share, index
    return worst


def _diagnosis(artifact: Artifact, row: ParityRow, call: int, layers: tuple[Layer, ...], taps: Taps) -> Diagnosis:
    return Diagnosis(
        file=Path(artifact.file).name,
        format=artifact.format,
        precision=str(artifact.precision),
        target=row.target,
        status=row.status,
        call=call,
        ending=Ending.NOTHING,
        without=taps.without,
        hops=row.hops,
        layers=tuple(_told(layer) for layer in layers),
        notes=row.notes,
    )


def _located(found: Diagnosis, location: Location, layers: tuple[Layer, ...]) -> Diagnosis:
    told = {layer.node.name: _told(layer) for layer in layers}
    return replace(
        found,
        ending=Ending.LOCATED,
        guilty=told[location.guilty.name],
        fused=tuple(told[node.name] for node in location.fused),
        artifact_operator=location.operator,
        element=_element(found.call, location),
    )


def _told(layer: Layer) -> DiagnosedLayer:
    return DiagnosedLayer(
        name=layer.node.name,
        operator=layer.node.operator,
        module=layer.node.module,
        line=layer.node.line,
        ratio=None if layer.match is None or not np.isfinite(layer.match.ratio) else layer.match.ratio,
        reached=layer.reached,
    )


def _element(call: int, location: Location) -> Element | None:
    """The element of the seen value that is furthest off."""
    if location.found is None:
        return None
    expected, actual = location.expected, location.found.value
    place = int(np.argmax(np.abs(actual - expected)))
    index = tuple(int(each) for each in np.unravel_index(place, expected.shape))
    return Element(call=call, index=index, reference=float(expected.flat[place]), actual=float(actual.flat[place]))

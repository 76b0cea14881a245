"""Describes an artifact for a bundle's manifest: its tensors, needs, verdicts and golden calls, of the shipped file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...converters.artifact import Format
from ...converters.manifest import ArtifactRecord
from ...converters.needs.needs import RuntimeNeeds
from ...converters.precision import Precision
from ..parity import ParityRow, Status
from .manifest import BundledArtifact, GoldenCall, Loading, TargetCheck, TargetParity
from .replay import ARTIFACTS
from .selecting import Chosen
from .tensors import Known, contents_of, tensors_of

_SCHEMES = {
    Precision.FP32: "float32 weights and arithmetic",
    Precision.FP16: "float16 weights; arithmetic in float16 where the runtime has it",
    Precision.INT8: "8-bit weights and activations with scales from calibration; inputs and outputs stay float32",
    Precision.INT8_DYNAMIC: "8-bit weights; scales of activations are measured as it runs; inputs and outputs float32",
    Precision.INT8_WEIGHTS: "8-bit weights, arithmetic in float32",
    Precision.INT8_FULL: "8-bit weights and activations, and inputs and outputs in 8 bits",
    Precision.INT16X8: "8-bit weights, 16-bit activations with scales from calibration",
}
# What a file of these formats can do to whoever loads it.
_PROGRAMS = frozenset({Format.TORCHSCRIPT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """An artifact as it goes into the bundle: its record with the shipped file's hash, and the files about it."""

    chosen: Chosen
    record: ArtifactRecord
    needs: RuntimeNeeds
    golden: tuple[GoldenCall, ...]
    replayed: Mapping[str, ParityRow]
    bundled_program: str | None = None


def describe(shipped: Shipped, file: Path, known: Known) -> BundledArtifact:
    """The manifest's entry for the artifact that lies at `file`, without its examples."""
    record = shipped.record
    contents = contents_of(file, record)
    return BundledArtifact(
        file=f"{ARTIFACTS}/{record.file}",
        format=record.format,
        backend=record.backend,
        precision=record.precision,
        scheme=_SCHEMES[record.precision],
        sha256=record.sha256,
        bytes=record.bytes,
        platforms=shipped.chosen.platforms,
        inputs=tensors_of(record.inputs, contents.inputs, record, known),
        outputs=tensors_of(record.outputs, contents.outputs, record, known),
        dims=record.dims,
        needs=shipped.needs,
        parity=tuple(_parity(row, shipped.replayed.get(row.target)) for row in shipped.chosen.rows),
        golden=shipped.golden,
        examples=(),
        loading=Loading.PROGRAM if record.format in _PROGRAMS else Loading.DATA,
        allowed=shipped.chosen.allowed,
        bundled_program=shipped.bundled_program,
        execution=record.execution,
        notes=record.notes,
        made_by=record.made_by,
    )


def _parity(row: ParityRow, again: ParityRow | None) -> TargetParity:
    return TargetParity(
        target=row.target,
        status=row.status,
        reason=row.reason,
        checks=tuple(TargetCheck(output=output.name, check=check) for output in row.outputs for check in output.checks),
        calls=row.samples,
        replayed=again is not None and again.status is Status.PASS,
        emulated=row.emulated,
        processor=row.processor,
        run_by=row.run_by,
        ms_per_call=row.ms_per_call,
    )


def proven_by(rows: Sequence[ParityRow]) -> tuple[str, ...]:
    """The runtimes that ran an artifact to a PASS, with their versions and where: "onnxruntime 1.32.0 on host"."""
    told = [
        f"{name} {version} on {row.target}"
        for row in rows
        if row.status is Status.PASS
        for name, version in row.run_by.items()
        if name in _RUNTIMES
    ]
    return tuple(dict.fromkeys(told))


_RUNTIMES = frozenset({"onnxruntime", "ai-edge-litert", "executorch", "torch", "tflite-micro"})

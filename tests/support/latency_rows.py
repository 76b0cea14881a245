"""Latency rows with numbers made by hand, and the manifest that goes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeproof.converters.manifest import ArtifactRecord, Manifest, SourceRecord
from edgeproof.converters.precision import Precision
from edgeproof.converters.processor import Processor
from edgeproof.converters.quantization.execution import Execution, HeavyOperator, Kernel
from edgeproof.converters.signature import TensorSpec
from edgeproof.validators.latency.report import AgainstFloat, LatencyReport, LatencyRow, Measured
from edgeproof.validators.latency.spread import Spread, difference
from edgeproof.validators.parity import Status

IMAGE = TensorSpec(name="image", dtype="float32", shape=(1, 3))
SCORES = TensorSpec(name="scores", dtype="float32", shape=(1, 2))
VNNI = Processor(machine="x86_64", name="a processor", features=("avx2", "avx512_vnni", "avx512_fp16"))
SIZES = {Precision.FP32: 4000, Precision.FP16: 2000}


def spread(median: float, *, width: float = 0.02) -> Spread:
    """Quartiles as far around the median as `width` of it."""
    half = median * width / 2
    return Spread(median=median, first_quartile=median - half, third_quartile=median + half)


def row(precision: Precision, median: float, *, width: float = 0.02, threads: int = 1, **changes: Any) -> LatencyRow:
    """A measured row of ONNX that passed parity."""
    made = LatencyRow(
        file=f"net.{changes.get('format', 'onnx')}.{precision}", format="onnx", backend="cpu", precision=precision,
        threads=threads, status=Measured.MEASURED, milliseconds=spread(median, width=width), calls=30, rounds=3,
        bytes=SIZES.get(precision, 1000), parity=Status.PASS, rounding=0,
    )  # fmt: skip
    return replace(made, **changes)


def beside_float(*rows: LatencyRow) -> tuple[LatencyRow, ...]:
    """The rows, each compared with the fp32 of its format and number of threads."""
    bases = {(base.format, base.threads): base for base in rows if base.precision is Precision.FP32}
    return tuple(_beside(each, bases.get((each.format, each.threads))) for each in rows)


def _beside(ours: LatencyRow, base: LatencyRow | None) -> LatencyRow:
    if base is None or base.milliseconds is None or ours.milliseconds is None:
        return ours
    times = ours.milliseconds.median / base.milliseconds.median
    against = AgainstFloat(times=times, difference=difference(ours.milliseconds, base.milliseconds))
    return replace(ours, against_float=against, of_float=ours.bytes / base.bytes)


def heavy(macs: int, kernel: Kernel = Kernel.INTEGER, *, operator: str = "conv", reason: str = "") -> HeavyOperator:
    """A heavy operator called after its kind."""
    return HeavyOperator(name=f"{operator}_1", operator=operator, macs=macs, kernel=kernel, reason=reason)


def manifest_of(
    rows: tuple[LatencyRow, ...], *operators: HeavyOperator, parameters: int = 1000, partitions: int | None = None
) -> Manifest:
    """A manifest with the rows' artifacts; those in 8 bits have these heavy operators."""
    execution = Execution(operators=operators or (heavy(10_000_000),), partitions=partitions)
    records = {
        each.file: ArtifactRecord(
            file=each.file, format=each.format, backend=each.backend, precision=each.precision, sha256="0" * 64,
            bytes=each.bytes, inputs=(IMAGE,), outputs=(SCORES,),
            execution=execution if each.precision.is_quantized else None,
        )
        for each in rows
    }  # fmt: skip
    source = SourceRecord(
        name="net", framework="torch", kind="factory", file=None, factory="model.py:build", sha256="1" * 64,
        parameters=parameters, made_by={},
    )  # fmt: skip
    return Manifest(source=source, inputs=(IMAGE,), outputs=(SCORES,), artifacts=tuple(records.values()))


def report_of(*rows: LatencyRow, **changes: Any) -> LatencyReport:
    """A report with these rows and no advice."""
    made = LatencyReport(
        source="net", source_sha256="1" * 64, rows=rows, advice=(), rounds=3, calls=8, real_calls=True,
        processor=VNNI, processors=2, load=0.5, edgeproof="0.1.0",
    )  # fmt: skip
    return replace(made, **changes)

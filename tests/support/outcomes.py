"""Outcomes of runs that never happened, for what shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeproof.validators.parity import (
    Cause,
    Finding,
    ParityReport,
    ParityRow,
    Processor,
    Status,
    TensorParity,
    verdict_of,
)
from edgeproof.validators.request import Outcome, Timing


def row_with(**changes: Any) -> ParityRow:
    """A row that passed, with changes."""
    output = TensorParity(
        name="scores", status=Status.PASS, calls=4, elements=40, scale=1.0, max_abs=3.5e-7, rms=1e-7, sqnr_db=121.25
    )
    row = ParityRow(
        file="net.onnx.fp32.onnx", format="onnx", precision="fp32", target="host", status=Status.PASS, bytes=20480,
        outputs=(output,), samples=4, seconds=0.25, ms_per_call=1.5,
    )  # fmt: skip
    return replace(row, **changes)


def failed_row(**changes: Any) -> ParityRow:
    """A row whose output lies off, with changes."""
    finding = Finding(code=Cause.TOLERANCE, reason="'scores' is off by 0.25, and 1e-05 is allowed", fix="look at it")
    output = TensorParity(
        name="scores", status=Status.FAIL, findings=(finding,), calls=4, elements=40, max_abs=0.25, sqnr_db=12.0
    )
    return row_with(
        file="net.litert.fp32.tflite", format="litert", status=Status.FAIL, reason=finding.reason, fix=finding.fix,
        code=Cause.TOLERANCE, findings=(finding,), outputs=(output,), **changes,
    )  # fmt: skip


def unmade_row(**changes: Any) -> ParityRow:
    """A row whose conversion failed, with changes."""
    defaults: dict[str, Any] = {
        "file": "net.executorch.fp32.pte", "format": "executorch", "status": Status.CONVERT_FAIL, "bytes": None,
        "outputs": (), "seconds": None, "reason": "no kernel for aten::stft, aten::istft", "exit_code": 3,
        "fix": "leave executorch out: --to onnx,litert,torchscript", "log": "/logs/03-executorch.log",
        "code": "UnsupportedOperators",
    }  # fmt: skip
    return row_with(**(defaults | changes))


def outcome_of(*rows: ParityRow, folder: Path | None = None, **changes: Any) -> Outcome:
    """An outcome with these rows; changes are those of its report."""
    report = ParityReport(
        verdict=verdict_of(rows), results=rows, source="net", source_sha256="0" * 64, samples_sha256="1" * 64,
        samples=4, real_samples=True, seed=0, processor=Processor(machine="x86_64", name="a processor"),
        edgeproof="0.1.0",
    )  # fmt: skip
    timings = (
        Timing(title="onnx fp32", wall_seconds=4.0, stages={"export": 1.5, "lower": 2.5}, peak_bytes=1 << 30),
        Timing(title="run onnx fp32", wall_seconds=0.5, stages={"run": 0.5}, peak_bytes=1 << 20),
    )
    return Outcome(folder=folder, manifest=None, report=replace(report, **changes), timings=timings, seconds=12.34)

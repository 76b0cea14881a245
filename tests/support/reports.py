"""A report with one row of every kind, and texts that no form of it may take for markup."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from floors import policy_for

from edgeproof.converters.processor import Processor
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.parity import ParityReport, ParityRow, Status, TensorParity, verdict_of

HOSTILE = "</script><b a='1' c=\"2\">|`x`&amp;\x00\x1b[31m\ud800]]>\n# head\n- item"
OUTPUTS = ("scores", "boxes <b>|`x`")
SIGNATURE = Signature(
    inputs=(), outputs=tuple(TensorSpec(name=name, dtype="float32", shape=(1, 5)) for name in OUTPUTS)
)


def outputs(scale: float = 1.0, *, nan: bool = False) -> tuple[TensorParity, ...]:
    """Both outputs judged over four calls, the first multiplied by `scale` or with a NaN in it."""
    generator = np.random.default_rng(1)
    reference = [{name: generator.standard_normal((1, 5)) for name in OUTPUTS} for _ in range(4)]
    actual = [{**call, "scores": call["scores"] * scale} for call in reference]
    if nan:
        actual[2]["scores"][0, 3] = np.nan
    return tuple(compare(reference, actual, signature=SIGNATURE, policy=policy_for(reference)))


def row(format_name: str, status: Status, *, judged: tuple[TensorParity, ...] = ()) -> ParityRow:
    """A row as the judge makes it."""
    first = next((output for output in judged if output.findings), None)
    return ParityRow(
        file=f"digits.{format_name}.fp32.bin",
        format=format_name,
        precision="fp32",
        target="host",
        status=status,
        reason=first.reason if first else "",
        fix=first.findings[0].fix if first else "",
        code=first.code if first else None,
        outputs=judged,
        samples=4,
        seconds=0.25,
        ms_per_call=1.5,
        bytes=123_456,
        sha256="ab" * 32,
        policy="scale",
        made_by={"maker": "1.0"},
        run_by={"runtime": "2.0"},
    )


def failing_report(*, real: bool = False) -> ParityReport:
    """One row of every status, one of them full of hostile text."""
    hostile = replace(
        row("tensorrt", Status.CONVERT_FAIL),
        file=HOSTILE,
        target=HOSTILE,
        reason=HOSTILE,
        fix=HOSTILE,
        log=HOSTILE,
        notes=(HOSTILE,),
        code=HOSTILE,
    )
    rows = (
        row("onnx", Status.PASS, judged=outputs()),
        row("litert", Status.FAIL, judged=outputs(1.01)),
        row("executorch", Status.FAIL, judged=outputs(nan=True)),
        replace(row("torchscript", Status.LOAD_FAIL), reason="does not load", fix="convert again", code="LoadError"),
        replace(row("coreml", Status.RUN_FAIL), reason="broke off", fix="convert again", exit_code=6),
        replace(row("ncnn", Status.NOT_RUN), reason="no runtime", fix="pip install it"),
        replace(row("mnn", Status.QUANTIZE_FAIL), reason="no calibration", fix="--calibration"),
        hostile,
    )
    return report(rows, real=real)


def report(rows: tuple[ParityRow, ...], *, real: bool = True) -> ParityReport:
    """A report of these rows."""
    return ParityReport(
        verdict=verdict_of(rows),
        results=rows,
        source="digits <cnn>",
        source_sha256="cd" * 32,
        samples_sha256="ef" * 32,
        samples=4,
        real_samples=real,
        seed=3,
        processor=Processor(machine="x86_64", name="Maker Model 7", features=("avx2",)),
        edgeproof="0.1.0",
    )

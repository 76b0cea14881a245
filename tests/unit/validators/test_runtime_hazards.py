"""Runtimes that are known to be wrong are named where they ran, and nowhere else."""

from __future__ import annotations

import pytest

from edgeproof.converters.precision import Precision
from edgeproof.converters.processor import Processor
from edgeproof.validators.runtime_hazards import KNOWN_FAULTS, runtime_notes

SME = ("asimd", "sme")
NEON = ("asimd",)
AVX2 = ("avx", "avx2")
VNNI = ("avx", "avx2", "avx512_vnni")


def told(package: str, version: str, features: tuple[str, ...], precision: Precision = Precision.FP32) -> str:
    processor = Processor(machine="any", name="any", features=features)
    return "\n".join(runtime_notes({package: version}, processor, precision))


@pytest.mark.parametrize(
    ("package", "version", "features", "precision", "expected"),
    [
        ("onnxruntime", "1.27.0", SME, Precision.FP32, "sherpa-onnx/issues/3791"),
        ("onnxruntime", "1.32.0", AVX2, Precision.INT8, "onnxruntime/issues/14642"),
        ("onnxruntime", "1.32.0", AVX2, Precision.INT8_DYNAMIC, "onnxruntime/issues/14642"),
        ("onnxruntime", "1.25.2", NEON, Precision.FP32, "onnxruntime/pull/27375"),
        ("ai-edge-litert", "2.1.5", AVX2, Precision.FP32, "LiteRT/issues/9256"),
    ],
)
def test_a_fault_is_named_with_its_link(
    package: str, version: str, features: tuple[str, ...], precision: Precision, expected: str
):
    note = told(package, version, features, precision)
    assert note.startswith(f"hazard runtime-version: {package} {version}: ")
    assert note.endswith(f"{expected})")


@pytest.mark.parametrize(
    ("package", "version", "features", "precision"),
    [
        ("onnxruntime", "1.27.1", SME, Precision.FP32),
        ("onnxruntime", "1.27.0", NEON, Precision.FP32),
        ("onnxruntime", "1.32.0", VNNI, Precision.INT8),
        ("onnxruntime", "1.32.0", AVX2, Precision.FP32),
        ("onnxruntime", "1.32.0", AVX2, Precision.INT8_WEIGHTS),
        ("onnxruntime", "1.32.0", (), Precision.INT8),
        ("ai-edge-litert", "2.3.0", AVX2, Precision.FP32),
        ("executorch", "1.27.0", SME, Precision.FP32),
    ],
)
def test_another_version_processor_precision_or_runtime_is_none(
    package: str, version: str, features: tuple[str, ...], precision: Precision
):
    assert told(package, version, features, precision) == ""


def test_every_row_says_where_it_was_reported():
    assert all(fault.link.startswith("https://github.com/") and fault.fix for fault in KNOWN_FAULTS)

"""Which artifacts and which calls are measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from latency_rows import heavy, manifest_of, row

from edgeproof.converters.errors import InputError
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.execution import Kernel
from edgeproof.converters.tensors import write_calls
from edgeproof.validators.latency.planning import candidates_of, stored_calls

FP32, INT8 = Precision.FP32, Precision.INT8
ROWS = (row(FP32, 1.0), row(INT8, 1.0), row(FP32, 1.0, format="litert"))


def calls_in(folder: Path, *sizes: int) -> Path:
    (folder / "golden").mkdir()
    write_calls(
        folder / "golden" / "samples.npz",
        [{"x": np.full(size, place, np.float32)} for place, size in enumerate(sizes)],
    )
    return folder


def test_one_artifact_is_held_against_the_fp32_of_its_format() -> None:
    found = candidates_of(manifest_of(ROWS), Path("out"), None, only="net.onnx.int8")
    assert [each.record.file for each in found] == ["net.onnx.fp32", "net.onnx.int8"]
    found = candidates_of(manifest_of(ROWS), Path("out"), None, only="net.litert.fp32")
    assert [each.record.file for each in found] == ["net.litert.fp32"]


def test_the_share_in_integers_is_the_manifests() -> None:
    made = manifest_of(ROWS, heavy(75), heavy(25, Kernel.FLOAT))
    assert [each.integer_share for each in candidates_of(made, Path("out"), None)] == [None, 0.75, None]


def test_what_the_manifest_does_not_list_is_refused() -> None:
    with pytest.raises(InputError, match=r"other\.onnx"):
        candidates_of(manifest_of(ROWS), Path("out"), None, only="other.onnx")
    with pytest.raises(InputError, match="nothing to measure"):
        candidates_of(manifest_of(()), Path("out"), None)


def test_calls_are_real_ones_of_one_size(tmp_path: Path) -> None:
    calls = stored_calls(calls_in(tmp_path, 3, 5, 3, 3), real=3)
    assert [call["x"].tolist() for call in calls] == [[0, 0, 0], [2, 2, 2]]


def test_without_real_calls_the_first_is_taken(tmp_path: Path) -> None:
    assert len(stored_calls(calls_in(tmp_path, 3, 3, 3), real=0)) == 1


def test_missing_and_damaged_samples_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing") as missing:
        stored_calls(tmp_path, real=0)
    assert "--no-verify" in missing.value.fix
    folder = calls_in(tmp_path, 3)
    (folder / "golden" / "samples.npz").write_bytes(b"no samples")
    with pytest.raises(InputError, match="cannot be read"):
        stored_calls(folder, real=0)

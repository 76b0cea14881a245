"""Measuring calls with a runner that counts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
from artifacts import golden

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.job import MeasureJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature
from edgeproof.converters.tensors import write_calls
from edgeproof.validators.runners.measure import Effort, is_rounding, measure_calls, repeat

_NOTHING = Signature(inputs=(), outputs=())


class Counting:
    """Remembers what it was called with."""

    signature = _NOTHING

    def __init__(self, **made_by: str) -> None:
        self.made_by = made_by
        self.seen: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.seen.append(-1.0)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Remember the input."""
        self.seen.append(float(inputs["x"][0]))
        return {}


def job(folder: Path, file: str, *, look: bool = False) -> MeasureJob:
    calls = folder / "calls.npz"
    write_calls(calls, [{"x": np.array([value], np.float32)} for value in (1, 2)])
    artifact = Artifact(
        file=str(golden(file)), format="onnx", backend="cpu", precision=Precision.FP32, signature=_NOTHING, sha256="0",
        bytes=1,
    )  # fmt: skip
    return MeasureJob(artifact=artifact, calls=str(calls), threads=1, look=look)


def test_calls_take_turns_until_time_or_number_is_reached() -> None:
    runner = Counting()
    calls = [{"x": np.array([value])} for value in (1, 2)]
    assert len(repeat(runner, calls, Effort(least=3, most=50, seconds=0.0))) == 3
    assert runner.seen == [1, 2, 1]
    assert len(repeat(runner, calls, Effort(least=3, most=7, seconds=60.0))) == 7


def test_the_warm_up_is_not_measured(tmp_path: Path) -> None:
    runner = Counting(runtime="1")
    measured = measure_calls(job(tmp_path, "net.onnx"), lambda _: runner)
    assert 0 < len(measured.seconds) < len(runner.seen) - 1
    assert measured.made_by == {"runtime": "1"}
    assert measured.rounding is None
    assert runner.seen[-1] == -1.0


def test_the_first_measurement_looks_at_what_is_executed(tmp_path: Path) -> None:
    runner = Counting(xnnpack="4 partitions of a graph of 9 operators")
    measured = measure_calls(job(tmp_path, "int8.tflite", look=True), lambda _: runner)
    assert measured.partitions == 4
    assert measured.rounding is not None
    unread = measure_calls(job(tmp_path, "net.onnx", look=True), lambda _: runner, executed=lambda _: tmp_path / "none")
    assert unread.rounding is None


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("QuantizeLinear", True),
        ("DequantizeLinear", True),
        ("DynamicQuantizeLinear", True),
        ("DEQUANTIZE", True),
        ("aten::quantize_per_tensor", True),
        ("aten::dequantize", True),
        ("quantized_decomposed::quantize_per_tensor.out", True),
        ("quantized::conv2d_relu", False),
        ("com.microsoft::DynamicQuantizeMatMul", False),
        ("QLinearConv", False),
        ("CONV_2D", False),
    ],
)
def test_operators_that_only_round_are_known_by_name(operator: str, expected: bool) -> None:
    assert is_rounding(operator) is expected

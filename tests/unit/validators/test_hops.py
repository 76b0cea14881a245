"""An error is laid at the step that made it: the exporter's, the quantiser's or the kernels'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature
from edgeproof.converters.tensors import write_calls
from edgeproof.validators.golden import Golden
from edgeproof.validators.hops import hops_of
from edgeproof.validators.steps import Hop

Array = np.ndarray[Any, np.dtype[Any]]
TRUTH = np.random.default_rng(0).standard_normal((8, 32))
NOISE = 1e-7 * np.random.default_rng(1).standard_normal((8, 32))
OFF = 1e-3 * np.random.default_rng(2).standard_normal((8, 32))  # of quantisation, or of a fault


class Steps:
    """The files of a source, of its program, of a simulation and of an artifact, as far as they are given."""

    def __init__(self, folder: Path) -> None:
        self._golden = Golden(folder)
        self._outputs = folder / "outputs.npz"
        jittered = folder / "jittered.npz"
        self._write(self._golden.calls, TRUTH)
        self._write(self._golden.reference, TRUTH + NOISE)
        self._write(self._golden.truth, TRUTH)
        self._write(jittered, TRUTH - NOISE)
        self._floor = self._golden.measure([jittered], [])

    def _write(self, path: Path, values: Array) -> None:
        write_calls(path, [{"y": row.astype(np.float32), "label": np.array([1])} for row in values])

    def program(self, values: Array) -> None:
        self._write(self._golden.program, values)

    def simulation(self, values: Array) -> None:
        self._write(self._golden.simulation(Precision.INT8, "onnx"), values)

    def hops(self, values: Array, precision: Precision = Precision.FP32) -> tuple[Hop, ...]:
        self._write(self._outputs, values)
        artifact = Artifact(
            file="net.onnx",
            format="onnx",
            backend="cpu",
            precision=precision,
            signature=Signature(inputs=(), outputs=()),
            sha256="",
            bytes=1,
        )
        return hops_of(self._golden, artifact, "host", self._outputs, self._floor)


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def who_exceeds(hops: tuple[Hop, ...]) -> list[tuple[str, str]]:
    return [(hop.start, hop.end) for hop in hops if hop.exceeds]


ARTIFACT = ("exported program", "onnx fp32 on host")


def test_correct_steps_exceed_nothing(steps: Steps) -> None:
    steps.program(TRUTH + NOISE)
    hops = steps.hops(TRUTH - NOISE)
    assert [(hop.start, hop.end) for hop in hops] == [("source", "exported program"), ARTIFACT]
    assert who_exceeds(hops) == []
    assert hops[0].ratio == 0
    assert hops[1].ratio == pytest.approx(2, rel=0.3)


def test_a_fault_of_the_exporter_is_not_the_artifacts(steps: Steps) -> None:
    steps.program(TRUTH + OFF)
    hops = steps.hops(TRUTH + OFF)
    assert who_exceeds(hops) == [("source", "exported program")]
    assert (hops[0].output, hops[0].unit) == ("y", "x the noise floor")


def test_a_fault_of_the_lowering_is_not_the_exporters(steps: Steps) -> None:
    steps.program(TRUTH + NOISE)
    assert who_exceeds(steps.hops(TRUTH + OFF)) == [ARTIFACT]


def test_a_source_without_a_program_is_the_start(steps: Steps) -> None:
    (hop,) = steps.hops(TRUTH + OFF)
    assert (hop.start, hop.end, hop.exceeds) == ("source", "onnx fp32 on host", True)


def test_what_quantisation_costs_is_no_fault_and_what_kernels_add_is(steps: Steps) -> None:
    steps.program(TRUTH + NOISE)
    steps.simulation(TRUTH + OFF)
    exported, cost, kernels = steps.hops(TRUTH + 1.1 * OFF, Precision.INT8)
    assert (exported.ratio, cost.exceeds, kernels.exceeds) == (0, False, False)
    assert cost.ratio > 1000
    assert (kernels.unit, kernels.ratio) == ("x what quantisation costs", pytest.approx(0.1, rel=0.1))
    assert who_exceeds(steps.hops(TRUTH - OFF, Precision.INT8)) == [("simulation", "onnx int8 on host")]


def test_without_a_simulation_nothing_is_said_of_rounding(steps: Steps) -> None:
    steps.program(TRUTH + NOISE)
    assert [hop.end for hop in steps.hops(TRUTH, Precision.INT8)] == ["exported program"]


def test_a_nan_is_more_than_a_correct_step_makes(steps: Steps) -> None:
    steps.program(TRUTH + NOISE)
    broken = TRUTH + NOISE
    broken[3, 4] = np.nan
    hops = steps.hops(broken)
    assert who_exceeds(hops) == [ARTIFACT]
    assert np.isfinite(hops[1].ratio)

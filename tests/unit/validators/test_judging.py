"""The same files get the same verdict, to the last byte, however often they are judged and wherever they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.feedback import Feedback
from edgeproof.converters.job import RunResult
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.tensors import Call, write_calls
from edgeproof.validators.golden import Golden
from edgeproof.validators.judging import ArtifactRun, Judge
from edgeproof.validators.parity import ParityRow, Status

TIMES = 20
CALLS = 9
SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=(4,)), TensorSpec(name="state", dtype="float32", shape=(6,))),
    outputs=(
        TensorSpec(name="scores", dtype="float32", shape=(3, 40)),
        TensorSpec(name="label", dtype="int64", shape=(3,)),
        TensorSpec(name="new", dtype="float32", shape=(6,)),
    ),
)


def outputs(noise: float, seed: int, *, dtype: str = "f4") -> list[Call]:
    """What something gives that is off by `noise`."""
    truth, off = np.random.default_rng(0), np.random.default_rng(seed)
    calls: list[Call] = []
    for _ in range(CALLS):
        scores = truth.standard_normal((3, 40)) * (1 + noise * off.standard_normal((3, 40)))
        new = truth.standard_normal(6) * (1 + noise * off.standard_normal(6))
        calls.append({"scores": scores.astype(dtype), "label": scores.argmax(1), "new": new.astype(dtype)})
    return calls


def stored(folder: Path) -> Golden:
    """A folder of golden files, with the last calls a closed loop."""
    folder.mkdir()
    golden = Golden(folder, real=3, feedback=Feedback(start=6, state={"state": "new"}))
    generator = np.random.default_rng(1)
    shapes = {spec.name: (4,) if spec.name == "x" else (6,) for spec in SIGNATURE.inputs}
    write_calls(golden.calls, [{n: generator.standard_normal(s).astype("f4") for n, s in shapes.items()}] * CALLS)
    write_calls(golden.reference, outputs(1e-7, 2))
    write_calls(golden.truth, outputs(0.0, 2, dtype="f8"))
    write_calls(golden.program, outputs(1e-7, 3))
    write_calls(golden.simulation(Precision.INT8, "onnx"), outputs(1e-2, 4))
    jittered = [folder / "a.npz", folder / "b.npz"]
    for seed, path in enumerate(jittered):
        write_calls(path, outputs(2e-7, 5 + seed, dtype="f8"))
    golden.measure(jittered, jittered)
    return golden


def run_of(golden: Golden, precision: Precision, noise: float, seconds: float) -> ArtifactRun:
    artifact = Artifact(
        file=f"net.onnx.{precision}.{noise}.onnx",
        format="onnx",
        backend="cpu",
        precision=precision,
        signature=SIGNATURE,
        sha256="ab",
        bytes=1,
        made_by={"b": "2", "a": "1"},
    )
    path = golden.folder / f"{artifact.file}.npz"
    write_calls(path, outputs(noise, 9))
    result = RunResult(calls=CALLS, median_call_seconds=seconds, made_by={"runtime": "1"})
    return ArtifactRun(artifact=artifact, target="host", outputs=path, result=result, seconds=seconds)


def judged(golden: Golden, seconds: float) -> list[ParityRow]:
    """A good and a bad artifact in float32, and one in int8, which took so long."""
    judge = Judge(SIGNATURE, golden, hops=True)
    judge.floor_is_ready(golden.stored_floor())
    judge.simulation_is_ready(Precision.INT8, None)
    for precision, noise in ((Precision.FP32, 1.5e-7), (Precision.FP32, 1e-3), (Precision.INT8, 1.01e-2)):
        judge.run_is_ready(run_of(golden, precision, noise, seconds))
    return list(judge.judge_ready_runs())


def bytes_of(rows: list[ParityRow]) -> bytes:
    return msgspec.json.encode([replace(row, seconds=None, ms_per_call=None) for row in rows])


def test_twenty_judgements_are_byte_identical_apart_from_times(tmp_path: Path) -> None:
    here, there = stored(tmp_path / "here"), stored(tmp_path / "there")
    first, *others = (judged(there if place % 2 else here, place) for place in range(TIMES))
    assert [row.status for row in first] == [Status.PASS, Status.FAIL, Status.FAIL]
    scores = [output for row in first for output in row.outputs if output.name == "scores"]
    assert all(output.checks and output.profile for output in scores[:2])
    assert {bytes_of(rows) for rows in others} == {bytes_of(first)}
    assert [rows[0].seconds for rows in others] == list(range(1, TIMES))


def test_golden_files_of_the_same_runs_have_the_same_hashes(tmp_path: Path) -> None:
    assert stored(tmp_path / "a").hashes() == stored(tmp_path / "b").hashes()

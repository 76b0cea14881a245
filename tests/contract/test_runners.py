"""What every runner promises, tried on a tiny artifact of every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_litert import write_tiny_litert
from tiny_onnx import write_tiny_onnx
from tiny_torch import write_tiny_executorch, write_tiny_torchscript

from edgeproof.converters.artifact import Artifact, Format
from edgeproof.converters.errors import LoadError, RunError
from edgeproof.converters.job import RunJob
from edgeproof.converters.precision import Precision
from edgeproof.converters.registry import runners
from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.converters.tensors import read_calls, write_calls
from edgeproof.validators.runners import executorch, litert, onnx, torchscript
from edgeproof.validators.runners.protocol import Runner

pytestmark = pytest.mark.slow  # importing executorch's exporter and lowering takes ten seconds and more

Array = np.ndarray[Any, np.dtype[Any]]
HIGHEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One format: its runner, and how its tiny artifacts are written."""

    open_runner: Callable[[Artifact], Runner]
    run: Callable[[RunJob], Any]
    write_fixed: Callable[[Path], None]
    write_dynamic: Callable[[Path], None]


CASES = {
    Format.TORCHSCRIPT: Case(
        open_runner=torchscript.open_runner,
        run=torchscript.run,
        write_fixed=write_tiny_torchscript,
        write_dynamic=write_tiny_torchscript,
    ),
    Format.EXECUTORCH: Case(
        open_runner=executorch.open_runner,
        run=executorch.run,
        write_fixed=write_tiny_executorch,
        write_dynamic=lambda path: write_tiny_executorch(path, highest=HIGHEST),
    ),
    Format.LITERT: Case(
        open_runner=litert.open_runner,
        run=litert.run,
        write_fixed=write_tiny_litert,
        write_dynamic=lambda path: write_tiny_litert(path, dynamic=True),
    ),
    Format.ONNX: Case(
        open_runner=onnx.open_runner,
        run=onnx.run,
        write_fixed=write_tiny_onnx,
        write_dynamic=lambda path: write_tiny_onnx(path, sizes=("batch", 3)),
    ),
}


def signature(first: int | str) -> Signature:
    def spec(name: str) -> TensorSpec:
        return TensorSpec(name=name, dtype="float32", shape=(first, 3))

    dims = (Dim(name="batch", min=1, max=HIGHEST),) if isinstance(first, str) else ()
    return Signature(inputs=(spec("x"), spec("y")), outputs=(spec("positive"), spec("shifted")), dims=dims)


def artifact(format_name: str, file: Path, first: int | str) -> Artifact:
    return Artifact(
        file=str(file),
        format=format_name,
        backend="any",
        precision=Precision.FP32,
        signature=signature(first),
        sha256="0",
        bytes=file.stat().st_size if file.exists() else 0,
    )


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Artifact]:
    folder = tmp_path_factory.mktemp("tiny")
    made: dict[tuple[str, str], Artifact] = {}
    for name, case in CASES.items():
        fixed, dynamic = folder / f"fixed.{name}", folder / f"dynamic.{name}"
        case.write_fixed(fixed)
        case.write_dynamic(dynamic)
        made[name, "fixed"] = artifact(name, fixed, 2)
        made[name, "dynamic"] = artifact(name, dynamic, "batch")
    return made


@pytest.fixture(params=CASES, ids=str)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(name: str) -> Case:
    return CASES[Format(name)]


@pytest.fixture
def fixed(artifacts: dict[tuple[str, str], Artifact], name: str) -> Artifact:
    return artifacts[name, "fixed"]


@pytest.fixture
def dynamic(artifacts: dict[tuple[str, str], Artifact], name: str) -> Artifact:
    return artifacts[name, "dynamic"]


def call(rng: np.random.Generator, batch: int = 2) -> dict[str, Array]:
    return {key: rng.standard_normal((batch, 3)).astype(np.float32) for key in ("x", "y")}


def assert_right(inputs: dict[str, Array], outputs: dict[str, Array]) -> None:
    assert list(outputs) == ["positive", "shifted"]
    np.testing.assert_array_equal(outputs["positive"], np.maximum(inputs["x"], 0))
    np.testing.assert_array_equal(outputs["shifted"], inputs["x"] + inputs["y"])
    assert {array.dtype for array in outputs.values()} == {np.dtype(np.float32)}


def test_every_registered_runner_is_tried_here_and_is_found_where_the_table_says():
    table = {row.format: row.entry for row in runners().values()}
    assert set(table) == {str(name) for name in CASES}
    for name, entry in table.items():
        module, _, function = entry.partition(":")
        assert getattr(import_module(module), function) is CASES[Format(name)].run


def test_the_signature_is_declared_in_the_sources_order(case: Case, fixed: Artifact, dynamic: Artifact):
    with case.open_runner(fixed) as runner:
        assert runner.signature == signature(2)
    with case.open_runner(dynamic) as runner:
        assert runner.signature == signature("batch")


def test_outputs_are_right_and_in_order(case: Case, fixed: Artifact, rng: np.random.Generator):
    inputs = call(rng)
    with case.open_runner(fixed) as runner:
        assert_right(inputs, runner.run(inputs))


def test_inputs_are_matched_by_name_not_by_position(case: Case, fixed: Artifact, rng: np.random.Generator):
    inputs = call(rng)
    with case.open_runner(fixed) as runner:
        assert_right(inputs, runner.run({"y": inputs["y"], "x": inputs["x"]}))


def test_outputs_of_one_call_survive_the_next(case: Case, fixed: Artifact, rng: np.random.Generator):
    first, second = call(rng), call(rng)
    with case.open_runner(fixed) as runner:
        kept = runner.run(first)
        runner.run(second)
    assert_right(first, kept)
    kept["shifted"] += 1  # the caller's to change


def test_inputs_of_any_memory_layout_are_taken_and_left_alone(case: Case, fixed: Artifact, rng: np.random.Generator):
    plain = call(rng)
    wide = rng.standard_normal((4, 6)).astype(np.float32)
    layouts = {
        "column by column": {key: np.asfortranarray(array) for key, array in plain.items()},
        "a view with steps": {"x": wide[::2, ::2], "y": wide[1::2, ::-2]},
        "read only": {key: array.copy() for key, array in plain.items()},
        "big-endian": {key: array.astype(">f4") for key, array in plain.items()},
    }
    for array in layouts["read only"].values():
        array.flags.writeable = False
    with case.open_runner(fixed) as runner:
        for inputs in layouts.values():
            before = {key: array.copy() for key, array in inputs.items()}
            assert_right(before, runner.run(inputs))
            assert all(np.array_equal(before[key], array) for key, array in inputs.items())


def test_a_dynamic_size_changes_from_call_to_call(case: Case, dynamic: Artifact, rng: np.random.Generator):
    with case.open_runner(dynamic) as runner:
        for batch in (2, 5, 1, HIGHEST, 2):
            inputs = call(rng, batch)
            assert_right(inputs, runner.run(inputs))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: {"x": c["x"]}, r"takes the inputs \['x', 'y'\]"),
        (lambda c: {**c, "z": c["x"]}, r"given \['x', 'y', 'z'\]"),
        (lambda c: {"x": c["x"], "Y": c["y"]}, r"takes the inputs"),
        (lambda c: {**c, "y": c["y"].astype(np.float64)}, "'y' must be float32 and is float64"),
        (lambda c: {**c, "x": c["x"].astype(np.int32)}, "'x' must be float32 and is int32"),
        (lambda c: {**c, "x": c["x"][:, :2]}, r"'x' must have shape \[2, 3\] and has \[2, 2\]"),
        (lambda c: {**c, "x": c["x"][0]}, r"'x' must have shape \[2, 3\] and has \[3\]"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_words(
    case: Case, fixed: Artifact, rng: np.random.Generator, spoil: Any, words: str
):
    with case.open_runner(fixed) as runner:
        with pytest.raises(RunError, match=words) as caught:
            runner.run(spoil(call(rng)))
        assert caught.value.fix
        inputs = call(rng)
        assert_right(inputs, runner.run(inputs))


def test_a_size_beyond_its_bounds_is_refused_with_the_bounds(case: Case, dynamic: Artifact, rng: np.random.Generator):
    with case.open_runner(dynamic) as runner, pytest.raises(RunError, match=rf"batch=1\.\.{HIGHEST}, 3\] and has \[7"):
        runner.run(call(rng, HIGHEST + 1))


def test_a_dimension_that_a_file_fixes_either_fails_at_another_size_or_is_right_there(
    case: Case, fixed: Artifact, rng: np.random.Generator, name: str
):
    claimed = replace(fixed, signature=signature("batch"))
    first, second = call(rng, 2), call(rng, 3)
    with case.open_runner(claimed) as runner:
        assert_right(first, runner.run(first))
        if name in {Format.TORCHSCRIPT, Format.LITERT}:
            assert_right(second, runner.run(second))
        else:
            with pytest.raises(RunError):
                runner.run(second)


@pytest.mark.parametrize("content", [None, b"", b"not a model at all", bytes(4096)])
def test_what_is_no_artifact_does_not_load(case: Case, name: str, tmp_path: Path, content: bytes | None):
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadError, match="broken") as caught:
        case.open_runner(artifact(name, path, 2))
    assert caught.value.exit_code == 1
    assert caught.value.fix


def test_another_formats_file_does_not_load(case: Case, name: str, artifacts: dict[tuple[str, str], Artifact]):
    for other in CASES:
        if other != name:
            with pytest.raises(LoadError):
                case.open_runner(replace(artifacts[other, "fixed"], format=name))


def test_another_number_of_inputs_or_outputs_is_noticed(case: Case, fixed: Artifact, rng: np.random.Generator):
    fewer_inputs = replace(fixed.signature, inputs=fixed.signature.inputs[:1])
    fewer_outputs = replace(fixed.signature, outputs=fixed.signature.outputs[:1])
    for wrong in (fewer_inputs, fewer_outputs):
        try:
            with case.open_runner(replace(fixed, signature=wrong)) as runner:
                runner.run({spec.name: call(rng)[spec.name] for spec in wrong.inputs})
                assert runner.signature != wrong, "the file's own signature shows the difference"
        except (LoadError, RunError):
            continue


def test_made_by_names_versions(case: Case, fixed: Artifact, rng: np.random.Generator):
    with case.open_runner(fixed) as runner:
        runner.run(call(rng))
        assert runner.made_by
        assert any(character.isdigit() for text in runner.made_by.values() for character in text)


def test_stored_calls_are_run_and_timed(case: Case, dynamic: Artifact, tmp_path: Path, rng: np.random.Generator):
    calls = [call(rng, batch) for batch in (1, 3, 2)]
    write_calls(tmp_path / "calls.npz", calls)
    job = RunJob(artifact=dynamic, calls=str(tmp_path / "calls.npz"), outputs=str(tmp_path / "outputs.npz"))
    result = case.run(job)
    assert result.calls == 3
    assert result.median_call_seconds > 0
    assert result.declared == signature("batch")
    for inputs, outputs in zip(calls, read_calls(Path(job.outputs)), strict=True):
        assert_right(inputs, outputs)


def test_no_stored_calls_are_no_outputs(case: Case, fixed: Artifact, tmp_path: Path):
    write_calls(tmp_path / "calls.npz", [])
    job = RunJob(artifact=fixed, calls=str(tmp_path / "calls.npz"), outputs=str(tmp_path / "outputs.npz"))
    assert case.run(job).calls == 0
    assert list(read_calls(Path(job.outputs))) == []

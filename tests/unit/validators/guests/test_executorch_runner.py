"""The ExecuTorch runner in C++: compiled with the system's compiler, and compared with torch."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import executorch
import numpy as np
import pytest
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge, to_edge_transform_and_lower
from executorch.exir.passes import MemoryPlanningPass

SOURCES = Path(__file__).resolve().parents[4] / "validators" / "guests" / "executorch"
PACKAGE = Path(next(iter(executorch.__path__)))
LIBRARIES = ("_kernels_optimized", "_backend_xnnpack", "_kernels_quantized", "_threadpool", "")
HIGHEST = 6
Array = np.ndarray[Any, np.dtype[Any]]
Call = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one run of the runner said and wrote."""

    code: int
    lines: list[dict[str, Any]]
    records: list[Array]
    noise: str

    @property
    def error(self) -> dict[str, Any]:
        [error] = [line["error"] for line in self.lines if "error" in line]
        assert "error" in self.lines[-1]
        assert isinstance(error, dict)
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The compiled program, and a folder for what goes in and out."""

    program: Path
    folder: Path

    def run(self, model: Path, calls: Sequence[Call] | bytes, *options: str) -> Ran:
        (self.folder / "inputs").write_bytes(calls if isinstance(calls, bytes) else stream_of(calls))
        outputs = self.folder / "outputs"
        outputs.unlink(missing_ok=True)
        ran = self.start(str(model), str(self.folder / "inputs"), str(outputs), *options)
        return Ran(
            code=ran.code,
            lines=ran.lines,
            records=records_of(outputs.read_bytes()) if outputs.exists() else [],
            noise=ran.noise,
        )

    def start(self, *words: str) -> Ran:
        done = subprocess.run(
            [self.program, *words], capture_output=True, check=False, timeout=60, env=environment(), cwd=self.folder
        )
        lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return Ran(code=done.returncode, lines=lines, records=[], noise=done.stderr.decode())


def environment() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(PACKAGE / "lib")}


def stream_of(calls: Sequence[Call]) -> bytes:
    stream = io.BytesIO()
    for call in calls:
        for value in call:
            np.save(stream, np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value))
    return stream.getvalue()


def raw(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def records_of(stream: bytes) -> list[Array]:
    records: list[Array] = []
    file = io.BytesIO(stream)
    while file.tell() < len(stream):
        records.append(np.load(file, allow_pickle=False))
    return records


class Function(torch.nn.Module):
    """A function of one or more tensors as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *values: Any) -> Any:
        return self.function(*values)


class Constant(torch.nn.Module):
    constant: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("constant", torch.arange(3.0))

    def forward(self, x: torch.Tensor) -> Any:
        return self.constant, x + self.constant


class Summed(torch.nn.Module):
    """It keeps the sum of what it was given."""

    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(3))

    def forward(self, x: torch.Tensor) -> Any:
        self.total.add_(x)
        return self.total * 1


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor, times: int, plus: float, wanted: bool) -> Any:
        return x * times + plus if wanted else x


def seeded_conv() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()).eval()


def numbers(*shape: int, seed: int = 0, dtype: str = "float32") -> Array:
    return np.random.default_rng(seed).uniform(-40, 40, shape).astype(dtype)


def channels_last(value: Any) -> torch.Tensor:
    return torch.tensor(value).to(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A module, what it is exported with, and the calls on which it is compared with torch."""

    module: Callable[[], torch.nn.Module]
    calls: list[Call]
    dynamic: bool = False
    xnnpack: bool = False
    planned: bool = True
    prepare: Callable[[Any], Any] = torch.tensor
    options: tuple[str, ...] = field(default=())


def two(x: torch.Tensor, y: torch.Tensor) -> Any:
    return torch.relu(x), x + y


def pairs(*sizes: int) -> list[Call]:
    return [(numbers(size, 3, seed=size), numbers(size, 3, seed=99)) for size in sizes]


def of_dtype(dtype: str) -> Array:
    low, high = (0, 2) if dtype == "bool" else (0, 40) if dtype.startswith("uint") else (-40, 40)
    return np.random.default_rng(1).integers(low, high, (2, 3)).astype(dtype)


DTYPES = "bool uint8 int8 int16 int32 int64 float16 float32 float64 uint16 uint32 complex64".split()
CASES = {
    "fixed": Case(module=lambda: Function(torch.clone), calls=[(numbers(2, 3),)]),
    "every-dtype": Case(
        module=lambda: Function(lambda *values: tuple(value.clone() for value in values)),
        calls=[tuple(of_dtype(dtype) for dtype in DTYPES)],
    ),
    "dynamic": Case(module=lambda: Function(two), calls=pairs(2, 6, 1, 5), dynamic=True),
    "dynamic-xnnpack": Case(module=lambda: Function(two), calls=pairs(2, 6, 1, 5), dynamic=True, xnnpack=True),
    "unplanned": Case(module=lambda: Function(two), calls=pairs(2, 6, 1, 5), dynamic=True, planned=False),
    "zero-dimensional": Case(module=lambda: Function(lambda x: x * 2), calls=[(np.float32(3),), (np.float32(-1),)]),
    "no-elements-out": Case(module=lambda: Function(lambda x: (x[:, :0], x + 1)), calls=[(numbers(2, 3),)]),
    "no-elements-in": Case(
        module=lambda: Function(lambda x, y: torch.cat([x, y])),
        calls=[(numbers(0, 3), numbers(2, 3))],
        # torch gives an empty array strides that the exporter refuses.
        prepare=lambda value: torch.empty(value.shape).copy_(torch.tensor(value)),
    ),
    "size-from-data": Case(
        module=lambda: Function(torch.nonzero),
        calls=[(np.array([0, 1, 0, 2], np.float32),), (np.zeros(4, np.float32),), (np.ones(4, np.float32),)],
    ),
    "input-as-output": Case(module=lambda: Function(lambda x: (x, x + 1)), calls=[(numbers(2, 3),)] * 2),
    "unplanned-input-as-output": Case(
        module=lambda: Function(lambda x: (x, x + 1)), calls=[(numbers(2, 3),)] * 2, planned=False
    ),
    "constant-as-output": Case(module=Constant, calls=[(numbers(3),)] * 2),
    "unplanned-constant-as-output": Case(module=Constant, calls=[(numbers(3),)] * 2, planned=False),
    "buffer": Case(module=Summed, calls=[(numbers(3, seed=seed),) for seed in range(3)]),
    "numbers-in": Case(module=Scaled, calls=[(numbers(3), 2, 1.5, True)]),
    "numbers-out": Case(
        module=lambda: Function(lambda x: (x + 1, x.shape[0], 7, 1.5, True)), calls=[(numbers(3, 2),)], dynamic=True
    ),
    "convolution": Case(module=seeded_conv, calls=[(numbers(1, 3, 8, 8),)]),
    "convolution-xnnpack": Case(module=seeded_conv, calls=[(numbers(1, 3, 8, 8),)], xnnpack=True),
    "channels-last": Case(module=seeded_conv, calls=[(numbers(1, 3, 8, 8),)], prepare=channels_last),
    "channels-last-xnnpack": Case(
        module=seeded_conv, calls=[(numbers(1, 3, 8, 8),)], xnnpack=True, prepare=channels_last
    ),
    "no-inputs": Case(
        module=lambda: Function(lambda: torch.arange(3) * 2), calls=[(), (), ()], options=("--least", "3")
    ),
}


def as_argument(value: Any, prepare: Callable[[Any], Any]) -> Any:
    return prepare(value) if isinstance(value, np.ndarray | np.generic) else value


def exported(module: torch.nn.Module, call: Call, *, dynamic: bool = False) -> torch.export.ExportedProgram:
    shapes = None
    if dynamic:
        batch = torch.export.Dim("batch", min=1, max=HIGHEST)
        shapes = {"values": tuple({0: batch} for _ in call)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(module, call, dynamic_shapes=shapes)


def write_program(path: Path, case: Case) -> Path:
    call = tuple(as_argument(value, case.prepare) for value in case.calls[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lowered: Any = to_edge_transform_and_lower(
            exported(case.module(), call, dynamic=case.dynamic),
            partitioner=[XnnpackPartitioner()] if case.xnnpack else [],
            compile_config=EdgeCompileConfig(_check_ir_validity=False),
        )
        planning = MemoryPlanningPass(alloc_graph_input=case.planned, alloc_graph_output=case.planned)
        path.write_bytes(lowered.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning)).buffer)
    return path


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ on this machine")
    path = tmp_path_factory.mktemp("runner") / "edgeproof-executorch-runner"
    include = PACKAGE / "include"
    command: list[str | Path] = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    command += ["-isystem", include, "-isystem", include / "executorch/runtime/core/portable_type/c10"]
    command += ["-DC10_USING_CUSTOM_GENERATED_MACROS", "-DET_EVENT_TRACER_ENABLED"]
    command += ['-DEDGEPROOF_EXECUTORCH_VERSION="1.5.1"', *sorted(SOURCES.glob("*.cpp")), "-o", path]
    command += [
        "-L",
        PACKAGE / "lib",
        "-Wl,--no-as-needed",
    ]  # kernels and backends register themselves: nobody calls them
    subprocess.run([*command, *(f"-lexecutorch{name}" for name in LIBRARIES)], check=True)
    return path


@pytest.fixture
def runner(program: Path, tmp_path: Path) -> Runner:
    return Runner(program=program, folder=tmp_path)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A case's program, exported when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    def model(name: str) -> Path:
        path = folder / f"{name}.pte"
        return path if path.exists() else write_program(path, CASES[name])

    return model


@pytest.fixture
def fixed(models: Callable[[str], Path]) -> Path:
    return models("fixed")


@pytest.fixture
def dynamic(models: Callable[[str], Path]) -> Path:
    return models("dynamic")


def leaves(outputs: Any) -> list[Array]:
    values = outputs if isinstance(outputs, tuple) else (outputs,)
    return [value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value) for value in values]


@pytest.mark.parametrize("name", CASES)
def test_every_call_gives_what_torch_gives(runner: Runner, models: Callable[[str], Path], name: str) -> None:
    case = CASES[name]
    module = case.module()
    with torch.no_grad():
        expected = [
            array.copy()
            for call in case.calls
            for array in leaves(module(*(as_argument(value, case.prepare) for value in call)))
        ]
    ran = runner.run(models(name), case.calls, *case.options)
    assert ran.code == 0, ran.lines
    assert ran.noise == ""
    assert ran.lines[-1] == {"done": {"calls": len(case.calls)}}
    assert [line["call"] for line in ran.lines[1:-1]] == list(range(len(case.calls)))
    assert len(ran.records) == len(expected)
    for got, wanted in zip(ran.records, expected, strict=True):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_the_first_line_describes_the_method(runner: Runner, models: Callable[[str], Path]) -> None:
    loaded = runner.start(str(models("dynamic-xnnpack")), "--inspect", "--threads", "2").lines[0]["loaded"]
    assert loaded.pop("cpu_features")
    tensor = {"dtype": "float32", "shape": [HIGHEST, 3], "dynamic": True}
    assert loaded == {
        "method": "forward",
        "methods": ["forward"],
        "inputs": [tensor, tensor],
        "outputs": [tensor, tensor],
        "backends": ["XnnpackBackend"],
        "delegates": 1,
        "operators": [],
        "threads": 2,
        "versions": {"executorch": "1.5.1"},
    }


def test_the_operators_outside_a_backend_are_named(runner: Runner, dynamic: Path) -> None:
    loaded = runner.start(str(dynamic), "--inspect").lines[0]["loaded"]
    assert (loaded["backends"], loaded["delegates"]) == ([], 0)
    assert loaded["operators"] == ["aten::add.out", "aten::relu.out"]


def test_an_empty_stream_is_no_call(runner: Runner, fixed: Path) -> None:
    ran = runner.run(fixed, b"")
    assert ran.code == 0
    assert ran.lines[-1] == {"done": {"calls": 0}}


def test_state_goes_from_call_to_call(runner: Runner, tmp_path: Path) -> None:
    calls = [(np.full(2, call + 1, np.float32), np.full(2, 10 * call, np.float32)) for call in range(5)]
    case = Case(module=lambda: Function(lambda x, state: (x * state, state + x)), calls=calls)
    model = write_program(tmp_path / "state.pte", case)
    ran = runner.run(model, calls, "--state", "2", "1=1")
    assert ran.code == 0
    # The calls 0, 1 and 2 take what the stream says; 3 and 4 what the call before them gave.
    states = [0, 10, 20, 20 + 3, 20 + 3 + 4]
    for place, (record, state) in enumerate(zip(ran.records[1::2], states, strict=True)):
        np.testing.assert_array_equal(record, np.full(2, state + place + 1, np.float32))


def test_state_of_another_shape_is_refused(runner: Runner, tmp_path: Path) -> None:
    calls = [(numbers(2, 3),)] * 2
    case = Case(module=lambda: Function(lambda x: torch.cat([x, x])), calls=calls)
    ran = runner.run(write_program(tmp_path / "grows.pte", case), calls, "--state", "0", "0=0")
    assert (ran.code, ran.error["stage"], ran.error["call"]) == (1, "inputs", 1)
    assert "[4, 3]" in ran.error["message"]
    assert "[2, 3]" in ran.error["message"]


@pytest.mark.parametrize(("pair", "words"), [("7=0", "2 outputs"), ("0=7", "2 inputs"), ("0", "OUT=IN")])
def test_state_that_the_method_has_not_got_is_refused(runner: Runner, dynamic: Path, pair: str, words: str) -> None:
    ran = runner.run(dynamic, b"", "--state", "0", pair)
    assert (ran.code, ran.error["stage"]) == (2, "arguments")
    assert words in ran.error["message"]


def test_state_of_another_dtype_is_refused(runner: Runner, models: Callable[[str], Path]) -> None:
    ran = runner.run(models("numbers-out"), b"", "--state", "0", "1=0")
    assert (ran.code, ran.error["stage"]) == (2, "arguments")
    assert "int64" in ran.error["message"]


def test_a_time_ends_the_calls(runner: Runner, fixed: Path) -> None:
    calls: list[Call] = [(numbers(2, 3),)] * 20
    assert runner.run(fixed, calls, "--seconds", "0").lines[-1] == {"done": {"calls": 1}}
    assert runner.run(fixed, calls, "--seconds", "0", "--least", "7").lines[-1] == {"done": {"calls": 7}}
    assert runner.run(fixed, calls, "--seconds", "1000").lines[-1] == {"done": {"calls": 20}}
    assert runner.run(fixed, calls, "--least", "3").lines[-1] == {"done": {"calls": 20}}


def test_pipes_are_served_call_by_call(runner: Runner, fixed: Path) -> None:
    reading, writing = os.pipe()
    words = [str(runner.program), str(fixed), "/dev/stdin", f"/dev/fd/{writing}", "--threads", "1"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[writing], env=environment()
    ) as process:
        os.close(writing)
        assert process.stdin is not None
        assert process.stdout is not None
        with os.fdopen(reading, "rb") as outputs:
            assert "loaded" in json.loads(process.stdout.readline())
            for call in range(3):
                record = raw(numbers(2, 3, seed=call))
                process.stdin.write(record)
                process.stdin.flush()
                line = json.loads(process.stdout.readline())
                assert (line["call"], line["outputs"]) == (call, 1)
                assert outputs.read(len(record)) == record
            process.stdin.close()
            assert json.loads(process.stdout.readline()) == {"done": {"calls": 3}}
        assert process.wait(30) == 0


def test_a_reader_of_outputs_that_goes_away_is_an_error(runner: Runner, fixed: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    inputs = runner.folder / "inputs"
    inputs.write_bytes(stream_of([(numbers(2, 3),)]))
    done = subprocess.run(
        [runner.program, fixed, inputs, f"/dev/fd/{writing}"],
        capture_output=True,
        check=False,
        pass_fds=[writing],
        env=environment(),
    )
    os.close(writing)
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert (done.returncode, error["stage"], error["call"]) == (1, "outputs", 0)
    assert "cannot be written" in error["message"]


def test_the_newer_formats_of_records_are_read(runner: Runner, fixed: Path) -> None:
    stream = io.BytesIO()
    for version in ((1, 0), (2, 0), (3, 0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.lib.format.write_array(stream, numbers(2, 3), version=version)
    ran = runner.run(fixed, stream.getvalue())
    assert len(ran.records) == 3
    for record in ran.records:
        np.testing.assert_array_equal(record, numbers(2, 3))


GOOD = raw(numbers(2, 3))
BAD_STREAMS = {
    "fortran": (raw(np.asfortranarray(numbers(2, 3))), "Fortran"),
    "big-endian": (raw(numbers(2, 3).astype(">f4")), "big-endian"),
    "other-dtype": (raw(numbers(2, 3, dtype="float64")), "is float64, and the program takes float32"),
    "text": (raw(np.full((2, 3), "a")), "<U1"),
    "structured": (raw(np.zeros((2, 3), [("a", "<f4")])), "plain numbers"),
    "other-size": (raw(numbers(2, 4)), "[2, 4], and the program takes [2, 3]"),
    "other-rank": (raw(numbers(6)), "[6], and the program takes [2, 3]"),
    "rubbish": (b"rubbish " * 20, ".npy record"),
    "version": (GOOD.replace(b"NUMPY\x01", b"NUMPY\x09"), "says 9"),
    "cut-in-magic": (GOOD[:5], "end in the middle"),
    "cut-in-header": (GOOD[:40], "end in the middle"),
    "cut-in-numbers": (GOOD[:-3], "24 bytes here, and 21 are left"),
    "huge-shape": (GOOD.replace(b"(2, 3), }          ", b"(2, 300000000000), }"), "300000000000"),
}


@pytest.mark.parametrize("name", BAD_STREAMS)
def test_what_cannot_be_taken_is_refused_in_words(runner: Runner, fixed: Path, name: str) -> None:
    stream, words = BAD_STREAMS[name]
    ran = runner.run(fixed, GOOD + stream)
    assert (ran.code, ran.error["stage"], ran.error["call"]) == (1, "inputs", 1)
    assert "input 0" in ran.error["message"]
    assert words in ran.error["message"]
    assert len(ran.records) == 1


@pytest.mark.parametrize("name", ["dynamic", "dynamic-xnnpack"])
def test_a_size_out_of_bounds_is_refused_in_words(runner: Runner, models: Callable[[str], Path], name: str) -> None:
    ran = runner.run(models(name), pairs(2, 7))
    assert (ran.code, ran.error["stage"], ran.error["call"]) == (1, "inputs", 1)
    assert ran.error["message"] == "input 0: the record has the shape [7, 3], and the program takes at most [6, 3]"


def test_what_a_kernel_refuses_is_told_with_the_runtimes_words(runner: Runner, dynamic: Path) -> None:
    ran = runner.run(dynamic, [(numbers(2, 3), numbers(5, 3))])
    assert (ran.code, ran.error["stage"], ran.error["call"], ran.error["code"]) == (1, "run", 0, "0x12")
    assert "aten::add.out" in ran.error["message"]
    assert ran.noise == ""


def test_a_number_that_the_program_was_not_made_for_is_refused(runner: Runner, models: Callable[[str], Path]) -> None:
    ran = runner.run(models("numbers-in"), [(numbers(3), 3, 1.5, True)])
    assert (ran.code, ran.error["stage"], ran.error["code"]) == (1, "inputs", "0x12")
    assert "same value" in ran.error["message"]


@pytest.mark.parametrize(
    ("function", "values", "words"),
    [
        (torch.clone, (torch.zeros(3, dtype=torch.bfloat16),), "input 0 is bfloat16"),
        (lambda x, _none: x + 1, (torch.zeros(3), None), "input 1 is of the kind none"),
        (lambda x: (x + 1, None), (torch.zeros(3),), "output 1 is of the kind none"),
    ],
)
def test_what_records_cannot_hold_is_refused_at_once(
    runner: Runner, tmp_path: Path, function: Callable[..., Any], values: Call, words: str
) -> None:
    case = Case(module=lambda: Function(function), calls=[values])
    model = write_program(tmp_path / "model.pte", case)
    ran = runner.run(model, b"")
    assert (ran.code, ran.error["stage"]) == (1, "load")
    assert words in ran.error["message"]
    assert runner.start(str(model), "--inspect").code == 0


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    methods = {
        "forward": exported(Function(lambda x: x + 1), (torch.zeros(2),)),
        "halve": exported(Function(lambda x: x / 2), (torch.zeros(3),)),
    }
    path = tmp_path_factory.mktemp("several") / "several.pte"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lowered: Any = to_edge(methods)
        path.write_bytes(lowered.to_executorch().buffer)
    return path


def test_each_of_several_methods_can_be_run(runner: Runner, several: Path) -> None:
    ran = runner.run(several, [(np.array([2, 4, 6], np.float32),)], "--method", "halve")
    assert ran.lines[0]["loaded"]["methods"] == ["forward", "halve"]
    assert ran.lines[0]["loaded"]["method"] == "halve"
    np.testing.assert_array_equal(ran.records[0], np.array([1, 2, 3], np.float32))


def test_a_method_that_is_not_there_is_answered_with_those_that_are(runner: Runner, several: Path) -> None:
    ran = runner.start(str(several), "--inspect", "--method", 'dou"ble')
    assert (ran.code, ran.error["stage"]) == (1, "load")
    assert ran.error["message"] == "the program has no method 'dou\"ble', its methods are: forward, halve"


def damaged(runner: Runner, content: bytes) -> Path:
    path = runner.folder / "damaged.pte"
    path.write_bytes(content)
    return path


def test_an_operator_that_the_runtime_lacks_is_named(runner: Runner, dynamic: Path) -> None:
    model = damaged(runner, dynamic.read_bytes().replace(b"aten::relu", b"aten::rexu"))
    ran = runner.run(model, pairs(2))
    assert (ran.code, ran.error["stage"], ran.error["code"]) == (1, "load", "0x14")
    assert "no kernel for: aten::rexu.out" in ran.error["message"]
    assert ran.noise == ""


def test_a_backend_that_the_runtime_lacks_is_named(runner: Runner, models: Callable[[str], Path]) -> None:
    content = models("dynamic-xnnpack").read_bytes()
    ran = runner.run(damaged(runner, content.replace(b"XnnpackBackend", b"XnnpackBackenx")), pairs(2))
    assert (ran.code, ran.error["stage"], ran.error["code"]) == (1, "load", "0x20")
    assert "XnnpackBackenx" in ran.error["message"]
    assert "this runtime has the backends: XnnpackBackend" in ran.error["message"]


@pytest.mark.parametrize("content", [b"", b"short", bytes(4096), b"\xff" * 4096])
def test_what_is_no_program_is_refused_in_words(runner: Runner, content: bytes) -> None:
    ran = runner.run(damaged(runner, content), b"")
    assert (ran.code, ran.error["stage"], ran.error["code"]) == (1, "load", "0x23")


def test_a_file_that_is_not_there_is_an_error_in_words(runner: Runner, fixed: Path) -> None:
    ran = runner.run(runner.folder / "absent.pte", b"")
    assert (ran.code, ran.error["stage"], ran.error["code"]) == (1, "load", "0x22")
    assert "No such file" in ran.error["message"]
    folder = runner.run(runner.folder, b"")
    assert (folder.code, folder.error["stage"], folder.error["code"]) == (1, "load", "0x22")
    inputs = runner.start(str(fixed), "absent", "outputs")
    assert (inputs.code, inputs.error["stage"]) == (1, "inputs")
    outputs = runner.start(str(fixed), "/dev/null", "absent/outputs")
    assert (outputs.code, outputs.error["stage"]) == (1, "outputs")


@pytest.mark.parametrize("name", ["dynamic", "dynamic-xnnpack", "convolution-xnnpack"])
def test_damaged_programs_end_in_an_error_line_or_run(runner: Runner, models: Callable[[str], Path], name: str) -> None:
    content = models(name).read_bytes()
    choice = random.Random(20)
    errors = 0
    for round_ in range(50):
        broken = bytearray(content)
        for _ in range(choice.choice((1, 4, 32))):
            broken[choice.randrange(len(broken))] = choice.randrange(256)
        if round_ % 5 == 0:
            del broken[choice.randrange(len(broken)) :]
        ran = runner.run(damaged(runner, bytes(broken)), CASES[name].calls[:1])
        assert ran.code in {0, 1}, (round_, ran)
        assert ("done" if ran.code == 0 else "error") in ran.lines[-1]
        errors += ran.code
    assert errors > 10


WRONG_ARGUMENTS = {
    "nothing": ([], "MODEL, INPUTS and OUTPUTS"),
    "too-few": (["a", "b"], "got 2 of them"),
    "too-many": (["a", "b", "c", "d"], "got 4 of them"),
    "option": (["a", "b", "c", "--fast"], "no option --fast"),
    "no-value": (["a", "b", "c", "--method"], "missing after --method"),
    "threads": (["a", "b", "c", "--threads", "0"], "--threads"),
    "most-threads": (["a", "b", "c", "--threads", "5000"], "at most 1024"),
    "seconds": (["a", "b", "c", "--seconds", "soon"], "--seconds"),
    "least": (["a", "b", "c", "--least", "1.5"], "--least"),
    "state": (["a", "b", "c", "--state", "0", "0=1,1=1"], "twice"),
}


@pytest.mark.parametrize("name", WRONG_ARGUMENTS)
def test_wrong_arguments_are_told_in_words(runner: Runner, name: str) -> None:
    words, said = WRONG_ARGUMENTS[name]
    ran = runner.start(*words)
    assert (ran.code, ran.error["stage"]) == (2, "arguments")
    assert said in ran.error["message"]
    assert "usage:" in ran.error["message"]

"""The compiled guest: made from its sources, for the package that is pinned, and what it says as errors."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import LoadError, NotRunnable, RunError
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.converters.versions import versions_of
from edgeproof.validators.guests.build_executorch import (
    PREBUILT,
    compile_runner,
    compiler_version,
    installed_package,
)
from edgeproof.validators.guests.executorch_program import (
    Line,
    Loaded,
    Problem,
    Tensor,
    check_version,
    declared,
    error_of,
    parse,
    program_for,
)
from edgeproof.validators.targets.architecture import this_machine

BUILT = json.loads((PREBUILT / "build.json").read_text())


def artifact() -> Artifact:
    return Artifact(
        file="net.pte",
        format="executorch",
        backend="xnnpack",
        precision=Precision.FP32,
        signature=Signature(
            inputs=(TensorSpec(name="image", dtype="float32", shape=("n", 3)),),
            outputs=(TensorSpec(name="scores", dtype="float32", shape=("n", 2)),),
            dims=(Dim(name="n", min=1, max=8),),
        ),
        sha256="",
        bytes=0,
    )


def loaded(inputs: int = 1) -> Loaded:
    image, scores = Tensor(dtype="float32", shape=(8, 3)), Tensor(dtype="float32", shape=(8, 2))
    return Loaded(inputs=(image,) * inputs, outputs=(scores,), backends=("XnnpackBackend",), delegates=2)


@pytest.mark.parametrize("machine", BUILT)
def test_the_programs_that_come_with_the_package_are_those_that_were_built(machine: str):
    assert hashlib.sha256(program_for(machine).read_bytes()).hexdigest() == BUILT[machine]["sha256"]


def test_there_is_one_for_x86_and_one_for_arm():
    assert set(BUILT) == {"x86_64", "aarch64"}


def test_they_were_built_for_the_package_that_is_installed():
    check_version(versions_of("executorch")["executorch"])
    assert {built["executorch"] for built in BUILT.values()} == {versions_of("executorch")["executorch"]}


@pytest.mark.slow
def test_the_same_compiler_makes_the_same_bytes(tmp_path: Path):
    machine = this_machine()
    if shutil.which("g++") is None or machine not in BUILT or compiler_version("g++") != BUILT[machine]["compiler"]:
        pytest.skip("the compiler that made the program is not here")
    package = installed_package()
    output = tmp_path / "runner"
    version = BUILT[machine]["executorch"]
    compile_runner(output, compiler="g++", package=package, libraries=package / "lib", version=version)
    assert output.read_bytes() == program_for(machine).read_bytes()


def test_a_machine_without_a_program_is_told():
    with pytest.raises(NotRunnable, match="riscv64"):
        program_for("riscv64")


def test_another_minor_version_of_the_package_is_refused():
    with pytest.raises(NotRunnable, match=r"1\.6\.0"):
        check_version("1.6.0")


def test_what_is_declared_has_the_records_names_and_open_sizes():
    found = declared(loaded(), artifact())
    (image,) = found.signature.inputs
    assert (image.name, image.shape) == ("image", ("n", 3))
    assert found.made_by == {"delegates": "2 to XnnpackBackend"}


def test_another_number_of_inputs_is_no_such_artifact():
    with pytest.raises(LoadError, match="2 inputs"):
        declared(loaded(2), artifact())


def test_lines_are_parsed_and_noise_is_not():
    assert parse(b'{"call": 3, "milliseconds": 1.5, "outputs": 2}') == Line(call=3, milliseconds=1.5, outputs=2)
    assert parse(b"a library says hello") is None
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b"", type=Line)


@pytest.mark.parametrize(("stage", "kind"), [("load", LoadError), ("arguments", LoadError), ("run", RunError)])
def test_errors_are_of_the_stage_they_happened_in(stage: str, kind: type[Exception]):
    error = error_of(Problem(stage=stage, message="it broke", call=2), artifact())
    assert isinstance(error, kind)
    assert "it broke" in error.message

"""Emulated processors: what is missing, which CPU was meant, and which one would do."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import NotRunnable, RunError
from edgeproof.converters.job import RunJob, RunResult
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Signature
from edgeproof.validators.targets import emulated
from edgeproof.validators.targets.causes import IllegalInstruction
from edgeproof.validators.targets.emulated import Emulated
from edgeproof.validators.targets.installation.given import given_emulator
from edgeproof.validators.targets.installation.parts import EMULATOR, PYTHON, ROOT, Building, Built

LIST = """#!/bin/sh
if [ "$1" = --version ]; then echo "qemu-aarch64 version 10.0.1"; exit; fi
echo "Available CPUs:"
for name in cortex-a53 cortex-a76 cortex-a710 max; do echo "  $name"; done
exit 1
"""


def nothing(building: Building) -> Built:
    return Built(facts={"python": "3.11"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    qemu = tmp_path / "qemu-aarch64"
    qemu.write_text(LIST)
    qemu.chmod(qemu.stat().st_mode | stat.S_IXUSR)
    store = Emulated("arm64", "cortex-a53", tmp_path)._store
    store.folder.mkdir()
    store.build(EMULATOR, given_emulator(qemu))
    for name in (ROOT, PYTHON, "onnx"):
        store.build(name, nothing)
    return tmp_path


def job() -> RunJob:
    artifact = Artifact(
        file="x.onnx",
        format="onnx",
        backend="any",
        precision=Precision.FP32,
        signature=Signature(inputs=(), outputs=()),
        sha256="",
        bytes=0,
    )
    return RunJob(artifact=artifact, calls="c", outputs="o")


def test_nothing_prepared_says_what_to_install(tmp_path: Path):
    why = Emulated("arm64", "cortex-a53", tmp_path).unavailable("onnx")
    assert isinstance(why, NotRunnable)
    assert why.fix == "edgeproof targets install arm64"
    assert why.exit_code == 4


def test_a_format_that_is_not_prepared_is_named(folder: Path):
    target = Emulated("arm64", "cortex-a53", folder)
    assert target.unavailable("onnx") is None
    why = target.unavailable("litert")
    assert why is not None
    assert "litert" in why.message
    assert why.fix.endswith("--formats litert")


def test_an_unknown_cpu_gets_the_nearest(folder: Path):
    why = Emulated("arm64:cortex-a67", "cortex-a67", folder).unavailable("onnx")
    assert why is not None
    assert "cortex-a67" in why.message
    assert "did you mean arm64:cortex-a76?" in why.fix


def test_an_illegal_instruction_names_the_cpu_that_would_do(folder: Path, monkeypatch: pytest.MonkeyPatch):
    tried: list[str] = []

    def runs(_self: Emulated, cpu: str, _job: RunJob, _entry: str, _scratch: Path) -> RunResult:
        tried.append(cpu)
        if cpu != "cortex-a710":
            raise IllegalInstruction("met an instruction that it does not have", fix="take another")
        return RunResult(calls=1, median_call_seconds=0, made_by={})

    monkeypatch.setattr(Emulated, "_run", runs)
    with pytest.raises(RunError) as caught:
        Emulated("arm64:cortex-a53", "cortex-a53", folder).run(job(), entry="a:b", scratch=folder)
    assert type(caught.value) is RunError
    assert "arm64:cortex-a710" in caught.value.fix
    assert tried == ["cortex-a53", "cortex-a76", "cortex-a710"]


def test_the_result_says_who_emulated_what(folder: Path, monkeypatch: pytest.MonkeyPatch):
    result = RunResult(calls=1, median_call_seconds=0, made_by={"onnxruntime": "1"})
    monkeypatch.setattr(Emulated, "_run", lambda *_given: result)
    found = Emulated("arm64:cortex-a53", "cortex-a53", folder).run(job(), entry="a:b", scratch=folder)
    assert found.made_by == {"onnxruntime": "1", "qemu": "10.0.1"}
    assert found.processor is not None
    assert found.processor.name == "cortex-a53 (emulated)"


def test_an_emulator_that_does_not_start_is_told(tmp_path: Path):
    with pytest.raises(NotRunnable, match="does not run here"):
        emulated.cpus(tmp_path / "absent")

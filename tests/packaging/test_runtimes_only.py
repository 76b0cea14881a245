"""Artifacts are judged where nothing but their runtimes is installed, without the frameworks and without the model."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import edgeproof
from converted_pairs import artifact_in, converted_pairs, copied_with
from distribution import ENVIRONMENT, built_distribution, installed_into, run, wheel_in

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

RUNTIMES = ("onnxruntime", "ai-edge-litert")
FRAMEWORKS = ("torch", "tensorflow", "keras", "onnx", "executorch", "litert_torch", "safetensors")
Verify = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel, its core requirements and two runtimes."""
    wheel = wheel_in(built_distribution(tmp_path_factory))
    return installed_into(tmp_path_factory.mktemp("environment") / "runtimes", wheel, *RUNTIMES)


@pytest.fixture(scope="module")
def verify(programs: Path) -> Verify:
    """Judges a folder there: the exit code, the report, and what was said of what could not be done."""

    def there(folder: Path) -> tuple[int, dict[str, Any], str]:
        environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
        command = (programs / "edgeproof", "verify", folder, "--json", "-q")
        done = subprocess.run(
            command, cwd=folder.parent, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        return done.returncode, json.loads(done.stdout)["report"] if done.stdout else {}, done.stderr

    return there


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what was converted to the two formats; the checkpoint is gone."""
    return copied_with(converted_pairs(tmp_path_factory), tmp_path / "elsewhere", "onnx", "litert")


def statuses(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(row["format"], row["precision"]): row["status"] for row in report["results"]}


def test_no_framework_is_installed_there(programs: Path, tmp_path: Path) -> None:
    found = f"import importlib.util as u; print([n for n in {FRAMEWORKS!r} if u.find_spec(n) is not None])"
    assert run(programs / "python", "-P", "-c", found, cwd=tmp_path).strip() == "[]"


def test_float_and_int8_pass_by_what_was_stored(verify: Verify, folder: Path) -> None:
    code, report, said = verify(folder)
    assert code == 0, said
    assert statuses(report) == dict.fromkeys(
        [(name, precision) for name in ("onnx", "litert") for precision in ("fp32", "int8")], "PASS"
    )
    assert report["verdict"] == "PASS"


def test_an_edited_golden_file_is_named_and_nothing_is_judged(verify: Verify, folder: Path) -> None:
    reference = folder / "golden" / "reference.npz"
    stored = bytearray(reference.read_bytes())
    stored[len(stored) // 2] ^= 1
    reference.write_bytes(stored)
    code, report, said = verify(folder)
    assert (code, report) == (2, {})
    assert f"error: {reference} is not the file that was written" in said
    assert "fix: restore it, or convert again" in said


def test_an_edited_artifact_fails(verify: Verify, folder: Path) -> None:
    artifact = artifact_in(folder, "onnx")
    artifact.write_bytes(artifact.read_bytes() + b"\0")
    code, report, _ = verify(folder)
    assert code == 1
    expected = {
        ("onnx", "fp32"): "FAIL",
        ("onnx", "int8"): "PASS",
        ("litert", "fp32"): "PASS",
        ("litert", "int8"): "PASS",
    }
    assert statuses(report) == expected


def test_what_has_no_runtime_there_is_not_run_and_never_passes(
    verify: Verify, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = copied_with(converted_pairs(tmp_path_factory), tmp_path / "whole", "onnx", "torchscript", "executorch")
    code, report, _ = verify(whole)
    assert (code, report["verdict"]) == (4, "NOT_RUN")
    for row in report["results"]:
        assert row["status"] == ("PASS" if row["format"] == "onnx" else "NOT_RUN"), row
        if row["status"] == "NOT_RUN":
            assert f"running {row['format']} needs " in row["reason"]
            assert "not installed" in row["reason"]
            assert row["fix"].startswith("pip install")


def test_a_bundle_is_verified_there_and_a_changed_byte_is_found(
    programs: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = copied_with(converted_pairs(tmp_path_factory), tmp_path / "pairs", "onnx", "litert")
    made = edgeproof("bundle", folder, "-o", tmp_path / "pairs.zip", "-q", folder=tmp_path)
    assert made.code == 0, made.stderr
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}

    def there(archive: Path) -> subprocess.CompletedProcess[str]:
        command = (programs / "edgeproof", "bundle", "verify", archive, "--json", "-q")
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    done = there(tmp_path / "pairs.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["status"] for row in json.loads(done.stdout)["report"]["results"]] == ["PASS"] * 4
    content = bytearray((tmp_path / "pairs.zip").read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / "changed.zip").write_bytes(content)
    done = there(tmp_path / "changed.zip")
    assert (done.returncode, done.stdout) == (5, "")
    assert "is not the bundle that was packed" in done.stderr

"""Arm by emulation, from a cold cache to verdicts: installed, used, half removed, interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from commands import COMMAND, Done, edgeproof

from edgeproof.sample_models.catalog import sample

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.linux,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="a target is installed with apt"),
    pytest.mark.skipif(platform.machine() == "aarch64", reason="an Arm machine emulates nothing"),
]
A53, A76 = "arm64:cortex-a53", "arm64:cortex-a76"
FORMATS = ("torchscript", "executorch", "litert", "onnx")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything for arm64, installed from nothing."""
    folder = tmp_path_factory.mktemp("arm-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEPROOF_CACHE", str(folder))
        done = edgeproof("targets", "install", "arm64", folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def prepared(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEPROOF_CACHE", str(cache))
    return cache / "targets" / "arm64"


@pytest.fixture(scope="module")
def judged(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A sample model in all formats and in int8, on the host and on two CPUs."""
    folder = tmp_path_factory.mktemp("judged")
    chosen = sample("digits_cnn")
    rounding = ("--precision", "fp32,int8", "--calibration", str(chosen.calibration))
    options = (*rounding, "--samples", str(chosen.evaluation), "--on", f"host,{A53},{A76}", "--json", "-q")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEPROOF_CACHE", str(cache))
        done = edgeproof("convert", *chosen.arguments(), *options, "-o", "out", folder=folder)
    return folder, done


def rows(done: Done, **wanted: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done.document["report"]["results"]
    return [row for row in found if all(row[key] == value for key, value in wanted.items())]


def test_every_artifact_passes_on_both_processors(judged: tuple[Path, Done]) -> None:
    _, done = judged
    assert done.code == 0, done.stdout + done.stderr
    for target in ("host", A53, A76):
        assert [row["status"] for row in rows(done, target=target)] == ["PASS"] * 8


def test_a_bundle_passes_where_the_app_will_run(judged: tuple[Path, Done], prepared: Path) -> None:
    folder, _ = judged
    assert prepared.exists()
    assert edgeproof("bundle", "out", "-o", "digits.zip", "--overwrite", "-q", folder=folder).code == 0
    found = {row["target"] for row in rows(edgeproof("bundle", "verify", "digits.zip", "--json", "-q", folder=folder))}
    assert found == {"host"}
    done = edgeproof("bundle", "verify", "digits.zip", "--on", A76, "--json", "-q", folder=folder)
    assert done.code == 0, done.stderr
    assert [row["status"] for row in rows(done, target=A76)] == ["PASS"] * 8
    shown = json.loads(zipfile.ZipFile(folder / "digits.zip").read("manifest.json"))
    parity = {row["target"]: row for row in shown["artifacts"][0]["parity"]}
    assert parity["host"]["replayed"]
    assert not parity[A76]["replayed"]
    assert parity[A76]["emulated"]


def test_a_row_says_which_processor_and_how_many_calls(judged: tuple[Path, Done]) -> None:
    _, done = judged
    host = rows(done, target="host", format="onnx", precision="fp32")[0]
    for target, feature in ((A53, "asimd"), (A76, "asimddp")):
        row = rows(done, target=target, format="onnx", precision="fp32")[0]
        processor = row["processor"]
        assert isinstance(processor, dict)
        assert processor["machine"] == "aarch64"
        assert feature in processor["features"]
        assert "asimddp" in processor["features"] or target == A53
        assert row["emulated"] is True
        assert row["ms_per_call"] is None, "an emulator's time is no latency"
        assert row["samples"] < host["samples"]
        assert any("an emulator is slow" in note for note in row["notes"])


def test_int8_of_fixed_scales_is_what_the_host_gives_but_for_rounding(judged: tuple[Path, Done]) -> None:
    _, done = judged
    for name in ("executorch", "litert", "onnx"):
        for row in rows(done, format=name, precision="int8"):
            if row["target"] != "host":
                beside = row["beside"]
                assert isinstance(beside, dict)
                assert beside["noise_ratio"] < 13, (name, row["target"], beside)


def test_an_unknown_processor_is_not_run_and_the_host_stays(
    prepared: Path, judged: tuple[Path, Done], tmp_path: Path
) -> None:
    folder, _ = judged
    artifact = next((folder / "out").glob("*.onnx.fp32.onnx"))
    done = edgeproof("verify", artifact, "--on", "host,arm64:cortex-a67", "--json", "-q", folder=tmp_path)
    assert done.code == 4
    assert rows(done, target="host")[0]["status"] == "PASS"
    row = rows(done, target="arm64:cortex-a67")[0]
    assert row["status"] == "NOT_RUN"
    assert "did you mean arm64:cortex-a76?" in str(row["fix"])


def test_a_damaged_artifact_fails_there_in_words(prepared: Path, judged: tuple[Path, Done], tmp_path: Path) -> None:
    folder, _ = judged
    shutil.copytree(folder / "out", tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    for record in manifest["artifacts"]:
        if record["precision"] == "fp32" and record["format"] in {"executorch", "onnx"}:
            file = tmp_path / "out" / record["file"]
            file.write_bytes(file.read_bytes()[:1000])
            record["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
    for pattern in ("*.executorch.fp32.pte", "*.onnx.fp32.onnx"):
        artifact = next((tmp_path / "out").glob(pattern))
        done = edgeproof("verify", artifact, "--on", A53, "--json", "-q", folder=tmp_path)
        assert done.code == 1, done.stdout + done.stderr
        assert rows(done)[0]["status"] == "LOAD_FAIL"


def test_what_was_half_removed_is_missing_and_comes_back(prepared: Path, tmp_path: Path) -> None:
    part = prepared / "onnx"
    kept = tmp_path / "kept"
    victim = next(part.rglob("onnxruntime_pybind11_state*.so"))
    shutil.move(victim, kept)
    try:
        listed = edgeproof("targets", "--json", folder=tmp_path).document["targets"]
        (arm,) = (target for target in listed if target["name"] == "arm64")
        assert "onnx" not in arm["formats"]
    finally:
        shutil.move(kept, victim)
    listed = edgeproof("targets", "--json", folder=tmp_path).document["targets"]
    (arm,) = (target for target in listed if target["name"] == "arm64")
    assert (arm["state"], sorted(arm["formats"])) == ("ready", sorted(FORMATS))


def test_an_installation_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "cache/targets/arm64"
    command = [*COMMAND, "targets", "install", "arm64", "--formats", "executorch"]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (store / "root/part.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = edgeproof("targets", "install", "arm64", "--formats", "executorch", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert not [path.name for path in store.iterdir() if path.name.startswith(".")]
    assert sorted(path.name for path in store.iterdir()) == ["emulator", "executorch", "lock.json", "python", "root"]
    assert edgeproof("targets", "remove", "arm64", folder=tmp_path).code == 0
    assert not store.exists()


def test_nothing_prepared_is_not_run_with_the_command_that_prepares(
    judged: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = judged
    monkeypatch.setenv("EDGEPROOF_CACHE", str(tmp_path / "empty"))
    done = edgeproof("verify", folder / "out", "--on", f"host,{A53}", "--json", "-q", folder=tmp_path)
    assert done.code == 4
    assert {row["status"] for row in rows(done, target="host")} == {"PASS"}
    assert {row["status"] for row in rows(done, target=A53)} == {"NOT_RUN"}
    assert {row["fix"] for row in rows(done, target=A53)} == {"edgeproof targets install arm64"}

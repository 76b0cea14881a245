"""A folder that convert wrote is measured as it lies; what cannot be measured is a row."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from commands import edgeproof

pytestmark = pytest.mark.e2e

MODEL = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
"""


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "model.py").write_text(MODEL)
    options = ("--input", "input:float32[1,64]", "--to", "torchscript,executorch,onnx", "--precision", "fp32,fp16")
    done = edgeproof("convert", "model.py:build", *options, "-o", "out", "-q", folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    return folder


def test_every_artifact_is_measured_and_nothing_is_changed(converted: Path) -> None:
    before = _hashes(converted / "out")
    done = edgeproof("bench", "out", "--threads", "1", "--runs", "2", "--json", "-q", folder=converted)
    assert done.code == 0, done.stdout + done.stderr
    rows = done.document["rows"]
    assert {(row["format"], row["precision"]) for row in rows} == {
        (name, precision) for name in ("torchscript", "executorch", "onnx") for precision in ("fp32", "fp16")
    }
    for row in rows:
        assert (row["status"], row["rounds"], row["threads"]) == ("MEASURED", 2, 1)
        spread = row["milliseconds"]
        assert 0 < spread["first_quartile"] <= spread["median"] <= spread["third_quartile"]
        assert row["memory"] > 0
        assert row["against_float"]["times"] > 0
    best = {advice["format"] for advice in done.document["advice"] if advice["kind"] == "best"}
    assert best == {"torchscript", "executorch", "onnx", None}
    assert _hashes(converted / "out") == before


def test_one_artifact_is_measured_beside_its_float(converted: Path) -> None:
    artifact = next((converted / "out").glob("*.onnx.fp16.onnx"))
    done = edgeproof("bench", artifact, "--runs", "1", "--threads", "1", "-q", folder=converted)
    assert done.code == 0, done.stdout + done.stderr
    assert "fp16" in done.stdout
    assert "fp32" in done.stdout
    assert "torchscript" not in done.stdout


def test_another_file_is_a_row_and_1(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted / "out", tmp_path / "out")
    artifact = next((tmp_path / "out").glob("*.onnx.fp16.onnx"))
    artifact.write_bytes(b"no graph")
    done = edgeproof("bench", artifact, "--runs", "1", "--threads", "1", "--json", "-q", folder=tmp_path)
    assert done.code == 1
    assert [row["status"] for row in done.document["rows"]] == ["MEASURED", "CHANGED"]


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

"""What a conversion promises besides the numbers: the same bytes twice, judging again, noticing a change."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from commands import edgeproof

from edgeproof.sample_models.catalog import sample

pytestmark = pytest.mark.e2e

EXTENSIONS = {".pt", ".pte", ".tflite", ".onnx"}


@pytest.fixture(scope="module", params=["digits_cnn", "tumours"])
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    done = edgeproof("convert", *sample(request.param).arguments(), "-o", "out", "-q", folder=folder)
    assert done.code == 0, done.stdout + done.stderr
    shutil.copytree(folder / "out", folder / "again")
    done = edgeproof(
        "convert", *sample(request.param).arguments(), "-o", "out", "--overwrite", "-q", "--jobs", "1", folder=folder
    )
    assert done.code == 0, done.stdout + done.stderr
    return folder


def test_two_conversions_give_the_same_bytes(converted: Path) -> None:
    first, second = (_hashes(converted / name) for name in ("again", "out"))
    assert len(first) == 4
    assert first == second


def test_verify_needs_the_folder_alone(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted / "out", tmp_path / "shipped")
    done = edgeproof("verify", "shipped", "--json", "-q", folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    assert set(done.statuses.values()) == {"PASS"}
    assert len(done.statuses) == 4


def test_verify_notices_another_file(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted / "out", tmp_path / "shipped")
    artifact = next((tmp_path / "shipped").glob("*.onnx"))
    data = bytearray(artifact.read_bytes())
    data[len(data) // 2] ^= 1
    artifact.write_bytes(data)
    done = edgeproof("verify", artifact, "--json", "-q", folder=tmp_path)
    assert done.code == 1
    assert done.statuses == {"onnx": "FAIL"}
    assert "SHA-256" in done.document["report"]["results"][0]["reason"]


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in EXTENSIONS
    }

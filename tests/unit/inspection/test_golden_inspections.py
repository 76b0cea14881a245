"""What `edgeproof inspect` says of one file of each kind, letter by letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from artifacts import FOLDER as ARTIFACTS

from edgeproof.cli.main import run
from edgeproof.converters.checkpoints.kinds import FileKind

_GOLDEN = Path(__file__).resolve().parents[2] / "golden"
_OUTPUTS = _GOLDEN / "inspections"
_AGAIN = "read the difference, then run: .venv/bin/python -P tests/golden/make_checkpoints.py outputs"
_NAMES = sorted(path.name.removesuffix(".txt") for path in _OUTPUTS.glob("*.txt"))
_IN_FOLDERS = {"shards-model.safetensors.index.json": "shards/model.safetensors.index.json"}


def _said(name: str, *options: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    path = _IN_FOLDERS.get(name, name)
    checkpoints = _GOLDEN / "checkpoints"
    monkeypatch.chdir(checkpoints if (checkpoints / path).exists() else ARTIFACTS)
    assert run(["inspect", path, *options]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", _NAMES)
def test_the_text_is_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(name, monkeypatch=monkeypatch, capsys=capsys)
    assert said == (_OUTPUTS / f"{name}.txt").read_text(encoding="utf-8"), _AGAIN


@pytest.mark.parametrize("name", _NAMES)
def test_the_json_is_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(name, "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert said == (_OUTPUTS / f"{name}.json").read_text(encoding="utf-8"), _AGAIN


def test_every_kind_of_file_has_its_golden_output() -> None:
    documents = [json.loads((_OUTPUTS / f"{name}.json").read_text(encoding="utf-8")) for name in _NAMES]
    kinds = {document["kind"] for document in documents if "kind" in document}
    formats = {document["format"] for document in documents if "format" in document}
    artifacts = {FileKind.TORCHSCRIPT, FileKind.EXECUTORCH, FileKind.LITERT, FileKind.ONNX}
    assert kinds == {str(kind) for kind in set(FileKind) - artifacts}
    assert formats == {"torchscript", "executorch", "litert", "onnx"}

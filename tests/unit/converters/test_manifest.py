"""manifest.json: a round trip, what is refused in words, and a schema that is current."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters.errors import InputError, UsageError
from edgeproof.converters.manifest import FILE_NAME, ArtifactRecord, Manifest, SourceRecord, encode, read, schema_text
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Dim, TensorSpec

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "schemas" / "manifest.schema.json"
INPUT = TensorSpec(name="image", dtype="float32", shape=("batch", 3))
OUTPUT = TensorSpec(name="scores", dtype="float32", shape=("batch", 2))
BATCH = Dim(name="batch", min=1, max=8)
WHOLE = Manifest(
    source=SourceRecord(
        name="net",
        framework="torch",
        kind="state_dict",
        file="weights.safetensors",
        factory="model.py:build",
        sha256="1" * 64,
        parameters=8,
        made_by={"torch": "2"},
    ),
    inputs=(INPUT,),
    outputs=(OUTPUT,),
    dims=(BATCH,),
    artifacts=(
        ArtifactRecord(
            file="net.onnx.fp32.onnx",
            format="onnx",
            backend="cpu",
            precision=Precision.FP32,
            sha256="0" * 64,
            bytes=12,
            inputs=(INPUT,),
            outputs=(OUTPUT,),
            dims=(BATCH,),
            layouts={"image": "nhwc"},
            route=("torch", "onnx"),
            notes=("a note",),
            made_by={"onnx": "1"},
        ),
    ),
)


def written(folder: Path, data: bytes) -> Path:
    (folder / FILE_NAME).write_bytes(data)
    return folder


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(encode(WHOLE)), **fields}).encode()


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read(written(tmp_path, encode(WHOLE))) == WHOLE


def test_fields_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    assert read(written(tmp_path, changed(later={"anything": 1}))) == WHOLE


def test_a_name_that_is_not_utf_8_does_not_stop_the_manifest(tmp_path: Path) -> None:
    odd = replace(WHOLE, source=replace(WHOLE.source, file="w\udcff.pt"))
    assert read(written(tmp_path, encode(odd))).source.file == "w?.pt"


@pytest.mark.parametrize("version", [0, 2, 10**30])
def test_another_schema_version_is_refused_in_words(tmp_path: Path, version: int) -> None:
    with pytest.raises(UsageError, match=rf"manifest with schema {version}, this edgeproof reads 1") as caught:
        read(written(tmp_path, changed(schema=version)))
    assert "convert again" in caught.value.fix


def test_a_later_manifest_whose_fields_have_changed_is_refused_for_its_version(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="schema 2"):
        read(written(tmp_path, b'{"schema": 2, "entries": []}'))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"name": "a web application", "icons": []}',
        b'{"schema": "1"}',
        b'{"schema": 1}',
        b'{"schema": 1, "source"',
        b'{"a":' * 100_000,
        changed(inputs=3),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_manifest_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"manifest\.json .* edgeproof manifest") as caught:
        read(written(tmp_path, data))
    assert caught.value.exit_code == 2


def test_a_missing_manifest_and_one_that_cannot_be_read_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no manifest"):
        read(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_the_documented_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), (
        "run: python -c \"from edgeproof.converters.manifest import schema_text; print(schema_text(), end='')\" "
        "> docs/schemas/manifest.schema.json"
    )


def test_every_field_of_the_manifest_is_in_the_schema() -> None:
    definitions = json.loads(schema_text())["$defs"]
    document = json.loads(encode(WHOLE))
    (artifact,) = document["artifacts"]
    for fields, name in (
        (document, "Manifest"),
        (document["source"], "SourceRecord"),
        (artifact, "ArtifactRecord"),
        (artifact["inputs"][0], "TensorSpec"),
        (artifact["dims"][0], "Dim"),
    ):
        assert set(fields) == set(definitions[name]["properties"])
    assert artifact["precision"] in definitions["Precision"]["enum"]

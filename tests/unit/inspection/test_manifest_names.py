"""Names from the manifest.json beside an artifact whose file stores none, and only from one that means this file."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from artifacts import golden

from edgeproof.cli.main import run
from edgeproof.converters.inspection.findings import Contents
from edgeproof.converters.inspection.inspect import inspect_artifact
from edgeproof.converters.manifest import FILE_NAME, ArtifactRecord, Manifest, SourceRecord, encode
from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import TensorSpec

INPUTS, OUTPUTS = ("picture", "shift"), ("scores", "features")
SOURCE = SourceRecord(
    name="net", framework="torch", kind="module", file=None, factory=None, sha256="1" * 64, parameters=8, made_by={}
)


def copied(folder: Path, name: str) -> Path:
    return Path(shutil.copyfile(golden(name), folder / name))


def specs(*names: str) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=name, dtype="float32", shape=(2, 2)) for name in names)


def write_manifest(
    file: Path,
    *,
    listed: str | None = None,
    sha256: str | None = None,
    inputs: tuple[str, ...] = INPUTS,
    outputs: tuple[str, ...] = OUTPUTS,
) -> None:
    record = ArtifactRecord(
        file=listed or file.name,
        format="any",
        backend="any",
        precision=Precision.FP32,
        sha256=sha256 or hashlib.sha256(file.read_bytes()).hexdigest(),
        bytes=file.stat().st_size,
        inputs=specs(*inputs),
        outputs=specs(*outputs),
    )
    whole = Manifest(source=SOURCE, inputs=specs(*inputs), outputs=specs(*outputs), artifacts=(record,))
    (file.parent / FILE_NAME).write_bytes(encode(whole))


def names(contents: Contents) -> tuple[list[str | None], list[str | None]]:
    return [fact.name for fact in contents.inputs], [fact.name for fact in contents.outputs]


def test_a_manifest_that_lists_the_file_names_a_program_of_executorch(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pte")
    write_manifest(file)
    contents = inspect_artifact(file).contents
    assert names(contents) == ([*INPUTS], [*OUTPUTS])
    assert contents.notes == ("inputs and outputs: names from manifest.json",)
    assert contents.inputs[0].shape == (2, 2, 4, 4)  # the file's own, not the manifest's


def test_torchscript_gets_the_names_that_its_tracer_lost(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pt")
    write_manifest(file)
    contents = inspect_artifact(file).contents
    assert names(contents) == ([*INPUTS], [*OUTPUTS])
    assert contents.notes[-2:] == (
        "inputs: names from manifest.json, in the file image, offset",
        "outputs: names from manifest.json",
    )


def test_names_that_agree_need_no_word(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pt")
    write_manifest(file, inputs=("image", "offset"))
    assert inspect_artifact(file).contents.notes[1:] == ("outputs: names from manifest.json",)


@pytest.mark.parametrize("name", ["net.onnx", "net.tflite"])
def test_a_file_that_stores_its_names_keeps_them(name: str, tmp_path: Path) -> None:
    file = copied(tmp_path, name)
    write_manifest(file)
    assert inspect_artifact(file).contents == inspect_artifact(golden(name)).contents


def test_without_a_manifest_the_positions_stand_and_the_note_says_so() -> None:
    contents = inspect_artifact(golden("net.pte")).contents
    assert names(contents) == ([None, None], [None, None])
    assert contents.notes == (
        "inputs and outputs: counted from 0, since the file stores no names and no manifest.json lies beside it",
    )


def test_a_file_that_changed_after_it_was_listed_gets_no_names(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pte")
    write_manifest(file, sha256="0" * 64)
    contents = inspect_artifact(file).contents
    assert names(contents) == ([None, None], [None, None])
    assert contents.notes[-1].endswith("manifest.json lists it with another SHA-256")


def test_a_manifest_that_lists_other_files_gives_no_names(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pte")
    write_manifest(file, listed="other.pte")
    contents = inspect_artifact(file).contents
    assert names(contents) == ([None, None], [None, None])
    assert contents.notes[-1].endswith("manifest.json does not list it")


def test_another_number_of_tensors_gives_no_names_on_that_side_alone(tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pte")
    write_manifest(file, outputs=("scores",))
    contents = inspect_artifact(file).contents
    assert names(contents) == ([*INPUTS], [None, None])
    assert contents.notes[-1] == (
        "outputs: counted from 0, since the file stores no names and manifest.json lists 1, not 2"
    )


@pytest.mark.parametrize("data", [b"", b'{"name": "a web application"}', b'{"schema": 2}'])
def test_a_manifest_that_is_not_ours_is_named_and_does_not_stop_the_inspection(data: bytes, tmp_path: Path) -> None:
    file = copied(tmp_path, "net.pte")
    (tmp_path / FILE_NAME).write_bytes(data)
    contents = inspect_artifact(file).contents
    assert names(contents) == ([None, None], [None, None])
    assert f"{tmp_path / FILE_NAME} is " in contents.notes[-1]


def test_the_command_shows_the_names_and_where_they_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = copied(tmp_path, "net.pte")
    write_manifest(file)
    assert run(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "inputs      picture: float32[2, 2, 4, 4]" in shown
    assert "scores: float32[2, 3]" in shown
    assert "names from manifest.json" in shown

"""From what the user typed to a Source: every kind of file, every factory, every mistake."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from edgeproof.converters.errors import SourceError, UsageError
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Framework, SourceKind


def a_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


def a_factory(path: Path, text: str = "import torch\ndef build(): ...\n") -> Path:
    path.write_text(text)
    return path


def a_safetensors(path: Path) -> Path:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    return path


def test_a_keras_file_is_a_keras_source(tmp_path: Path) -> None:
    source = resolve(str(a_zip(tmp_path / "faces.keras", "config.json", "metadata.json", "model.weights.h5")))
    assert (source.kind, source.framework, source.name) == (SourceKind.KERAS_FILE, Framework.KERAS, "faces")


def test_an_hdf5_file_is_a_keras_source_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "old.bin"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    assert resolve(str(path)).kind is SourceKind.KERAS_HDF5


def test_weights_with_their_architecture_are_a_source(tmp_path: Path) -> None:
    weights = a_safetensors(tmp_path / "net.safetensors")
    factory = a_factory(tmp_path / "model.py")
    source = resolve(str(weights), model=f"{factory}:build", model_args={"width": "32"})
    assert source.kind is SourceKind.STATE_DICT
    assert source.factory == f"{factory}:build"
    assert source.factory_args == (("width", "32"),)


def test_weights_alone_ask_for_their_architecture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not the architecture") as caught:
        resolve(str(a_safetensors(tmp_path / "net.safetensors")))
    assert "--model" in caught.value.fix


def test_a_name_that_says_nothing_gives_way_to_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    factory = a_factory(folder / "model.py")
    weights = a_safetensors(folder / "weights.safetensors")
    assert resolve(str(weights), model=f"{factory}:build").name == "digits"
    assert resolve(f"{factory}:build").name == "digits"


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        ("import torch\n", Framework.TORCH),
        ("from torch import nn\n", Framework.TORCH),
        ("import keras\n", Framework.KERAS),
        ("def f():\n    import tensorflow as tf\n", Framework.KERAS),
    ],
)
def test_a_factory_s_imports_say_its_framework(tmp_path: Path, text: str, framework: Framework) -> None:
    factory = a_factory(tmp_path / "net.py", text)
    assert resolve(f"{factory}:build").framework is framework


@pytest.mark.parametrize("text", ["import torch, keras\n", "import numpy\n"])
def test_a_factory_of_both_or_neither_asks(tmp_path: Path, text: str) -> None:
    factory = a_factory(tmp_path / "net.py", text)
    with pytest.raises(UsageError) as caught:
        resolve(f"{factory}:build")
    assert "--framework" in caught.value.fix
    assert resolve(f"{factory}:build", framework=Framework.TORCH).framework is Framework.TORCH


def test_a_factory_is_found_in_a_package_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    a_factory(package / "net.py")
    monkeypatch.chdir(tmp_path)
    assert resolve("some_package.net:build").framework is Framework.TORCH


def test_a_factory_s_text_is_not_run(tmp_path: Path) -> None:
    factory = a_factory(tmp_path / "net.py", "import torch\nraise RuntimeError('run')\n")
    assert resolve(f"{factory}:build").kind is SourceKind.FACTORY


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.pt", b"", "empty"),
        ("cut.keras", b"PK\x03\x04" + bytes(20), "looks like a zip archive, but it is damaged"),
        ("text.pt", b"hello there, this is text", "not a kind of file"),
    ],
)
def test_broken_files_are_named_as_such(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        resolve(str(path))
    assert caught.value.fix


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        resolve(str(tmp_path / "gone.pt"))
    with pytest.raises(SourceError, match="folder"):
        resolve(str(tmp_path))


def test_an_artifact_is_no_source(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(bytes(4) + b"TFL3" + bytes(32))
    with pytest.raises(SourceError, match="artifact") as caught:
        resolve(str(path))
    assert "inspect" in caught.value.fix


def test_a_zip_that_is_no_model_shows_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"notes\.txt"):
        resolve(str(a_zip(tmp_path / "x.pt", "notes.txt")))


def test_a_folder_is_a_source_by_what_lies_in_it(tmp_path: Path) -> None:
    saved, hub = tmp_path / "saved", tmp_path / "hub"
    for folder in (saved, hub):
        folder.mkdir()
    (saved / "saved_model.pb").write_bytes(b"\x08\x01\x12\x02\x0a\x00")
    (hub / "config.json").write_text("{}")
    a_safetensors(hub / "model.safetensors")
    assert resolve(str(saved)).kind is SourceKind.SAVED_MODEL
    assert resolve(str(saved / "saved_model.pb")).path == str(saved)
    assert (resolve(str(hub)).kind, resolve(str(hub)).name) == (SourceKind.TRANSFORMERS, "hub")


def test_shards_are_weights_by_their_index_or_folder(tmp_path: Path) -> None:
    a_safetensors(tmp_path / "model-1.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"w": "model-1.safetensors"}}')
    factory = a_factory(tmp_path / "net.py")
    for text in (index, tmp_path):
        source = resolve(str(text), model=f"{factory}:build")
        assert (source.kind, source.path) == (SourceKind.STATE_DICT, str(index))


def test_an_architecture_alone_asks_for_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"class_name": "Sequential", "config": {}}')
    with pytest.raises(SourceError, match="architecture without weights") as caught:
        resolve(str(path))
    assert f"--model {path}" in caught.value.fix


def test_a_python_file_alone_asks_for_the_function(tmp_path: Path) -> None:
    file = a_factory(tmp_path / "net.py")
    with pytest.raises(UsageError, match="Python code") as caught:
        resolve(str(file))
    assert caught.value.fix.endswith("net.py:build")

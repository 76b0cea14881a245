from __future__ import annotations

import io
import json
import os
import pickle
import socket
import tarfile
import zipfile
from pathlib import Path

import pytest
from artifacts import READABLE, golden

from edgeproof.converters.checkpoints.kinds import FileKind
from edgeproof.converters.checkpoints.recognise import recognise
from edgeproof.converters.checkpoints.torch_legacy import MAGIC_NUMBER
from edgeproof.converters.errors import SourceError, UnsafeInput


def _zip(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


def _tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return data.getvalue()


def _safetensors(*, padding: int = 0) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode() + b" " * padding
    return len(header).to_bytes(8, "little") + header + bytes(4)


_FILES: dict[FileKind, list[bytes]] = {
    FileKind.TORCH_ZIP: [_zip("archive/data.pkl", "archive/version")],
    FileKind.TORCHSCRIPT: [_zip("net/data.pkl", "net/constants.pkl", "net/code/net.py")],
    FileKind.EXPORTED_PROGRAM: [
        _zip("net/archive_format", "net/models/model.json"),
        _zip("serialized_exported_program.json", "serialized_state_dict.pt", "version"),
    ],
    FileKind.KERAS: [_zip("config.json", "metadata.json", "model.weights.h5")],
    FileKind.TORCH_PICKLE: [pickle.dumps(MAGIC_NUMBER, protocol) + bytes(40) for protocol in (2, 4)],
    FileKind.TORCH_TAR: [_tar()],
    FileKind.SAFETENSORS: [_safetensors(), _safetensors(padding=60)],  # the second's length starts like JSON: 123, "{"
    FileKind.SAFETENSORS_INDEX: [b'{"weight_map": {"w": "model-00001-of-00002.safetensors"}}'],
    FileKind.HDF5: [b"\x89HDF\r\n\x1a\n" + bytes(64)],
    FileKind.KERAS_JSON: [
        b'{"class_name": "Functional", "config": {}}',
        b'\xef\xbb\xbf\n {"config": 1, "class_name": 2}',
    ],
    FileKind.SAVED_MODEL: [b"\x08\x01\x12\x02\x0a\x00"],
    FileKind.LITERT: [bytes(4) + b"TFL3" + bytes(32)],
    FileKind.EXECUTORCH: [bytes(4) + b"ET12" + bytes(32)],
    FileKind.ONNX: [b"\x08\x0a\x3a\x00"],
}


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, files in _FILES.items() for data in files])
@pytest.mark.parametrize("name", ["file", "file.pt", "file.keras", "file.onnx"])
def test_bytes_alone_say_the_kind(tmp_path: Path, kind: FileKind, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert recognise(path) is kind


def test_every_kind_of_file_is_tried() -> None:
    assert set(FileKind) - set(_FILES) == {FileKind.TRANSFORMERS}


@pytest.mark.parametrize("name", READABLE)
def test_artifacts_are_recognised_under_any_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(golden(name).read_bytes())
    kinds = {
        ".pt": FileKind.TORCHSCRIPT,
        ".pte": FileKind.EXECUTORCH,
        ".tflite": FileKind.LITERT,
        ".onnx": FileKind.ONNX,
    }
    assert recognise(path) is kinds[Path(name).suffix]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("saved_model.pb", "variables"), FileKind.SAVED_MODEL),
        (("config.json", "model.safetensors"), FileKind.TRANSFORMERS),
        (("config.json", "model.safetensors.index.json"), FileKind.TRANSFORMERS),
        (("config.json", "pytorch_model.bin"), FileKind.TRANSFORMERS),
        (("net.safetensors.index.json", "net-1.safetensors"), FileKind.SAFETENSORS_INDEX),
    ],
)
def test_a_folder_is_known_by_what_lies_in_it(tmp_path: Path, names: tuple[str, ...], kind: FileKind) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert recognise(tmp_path) is kind


@pytest.mark.parametrize("names", [(), ("a.txt", "b.txt"), ("config.json", "vocab.txt")])
def test_any_other_folder_says_what_it_holds(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match="is a folder") as caught:
        recognise(tmp_path)
    assert names[0] in caught.value.message if names else "empty" in caught.value.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (bytes(100), "not a kind of file we know"),
        (b"hello there", "not a kind of file we know"),
        (pickle.dumps({"w": [1.0]}), "a pickle that torch.save did not write"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1f\x8b\x08" + bytes(20), "compressed with gzip"),
        (bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "index of TensorFlow variables"),
        (b"GGUF" + bytes(20), "GGUF"),
        (b"\x93NUMPY" + bytes(20), "a numpy array"),
        (b'{"model_type": "bert"}', "config of a Transformers model"),
        (b'{"weight_map": {"w": "pytorch_model-1.bin"}}', "no safetensors files"),
        (b'{"a": 1}', "neither a Keras architecture"),
        (b'{"class_name": ', "damaged or cut off"),
        (b"[" * 100_000, "damaged or cut off"),
        (b"PK\3\4" + bytes(20), "cannot be opened"),
        (_zip("model.npy", "other.npy"), "numpy arrays"),
        (_zip("folder/model.keras", "readme.txt"), "it holds folder/model.keras"),
        (_zip("net/.data/extern_modules", "net/model.pkl"), "torch.package"),
    ],
)
def test_what_is_no_checkpoint_is_called_what_it_is(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "file.pt"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=words) as caught:
        recognise(path)
    assert caught.value.fix
    assert caught.value.exit_code == 2


def test_a_zip_that_leaves_its_folder_is_a_trap(tmp_path: Path) -> None:
    path = tmp_path / "file.keras"
    path.write_bytes(_zip("config.json", "model.weights.h5", "../../evil"))
    with pytest.raises(UnsafeInput, match="outside of its folder"):
        recognise(path)


def test_a_fifo_a_socket_and_a_device_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for path, words in ((Path("fifo"), "a FIFO"), (Path("socket"), "a socket"), (Path("/dev/zero"), "a device")):
            with pytest.raises(SourceError, match=words):
                recognise(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_called_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "file.pt"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        recognise(path)


@pytest.mark.parametrize("name", ["missing", "file/inside", "a\0b", "x" * 300])
def test_paths_that_lead_nowhere_are_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"does not exist|cannot be read"):
        recognise(tmp_path / name)


def test_a_link_that_leads_round_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match="cannot be read"):
        recognise(tmp_path / "loop")

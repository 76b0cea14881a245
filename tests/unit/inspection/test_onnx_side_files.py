from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from artifacts import golden

from edgeproof.converters.errors import SourceError, UnsafeInput
from edgeproof.converters.inspection.inspect import inspect_artifact
from edgeproof.converters.inspection.onnx import check_external_data


def _model(folder: Path, location: str) -> Path:
    """A model that keeps one tensor of four bytes beside itself."""
    folder.mkdir(exist_ok=True)
    entry = _field(13, _field(1, b"location") + _field(2, location.encode()))
    length = _field(13, _field(1, b"length") + _field(2, b"4"))
    tensor = b"\x08\x01\x10\x01" + _field(8, b"w") + entry + length + b"\x70\x01"
    path = folder / "net.onnx"
    path.write_bytes(b"\x08\x0a" + _field(7, _field(5, tensor)))
    return path


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_data_beside_the_model_are_found(tmp_path: Path) -> None:
    path = _model(tmp_path / "model", "net.data")
    (path.parent / "net.data").write_bytes(bytes(4))
    check_external_data(path)
    assert inspect_artifact(path).contents.notes == (
        "weights are stored beside it in net.data, which must travel with it",
    )


def test_data_in_a_folder_below_are_found(tmp_path: Path) -> None:
    path = _model(tmp_path / "model", "weights/net.data")
    (path.parent / "weights").mkdir()
    (path.parent / "weights" / "net.data").write_bytes(bytes(4))
    check_external_data(path)


def test_a_missing_file_is_a_note(tmp_path: Path) -> None:
    contents = inspect_artifact(_model(tmp_path / "model", "net.data")).contents
    assert contents.notes == ("weights are stored beside it in net.data, which is missing",)


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "a/../../secret", "..\\secret", "C:/secret", "", ".", "\\\\host\\secret"]
)
def test_data_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(4))
    path = _model(tmp_path / "model", location)
    for read in (check_external_data, inspect_artifact):
        with pytest.raises(UnsafeInput, match="outside of its folder") as caught:
            read(path)
        assert caught.value.exit_code == 5


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(4))
    path = _model(tmp_path / "model", "net.data")
    (path.parent / "net.data").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsafeInput, match="leads out of its folder"):
        check_external_data(path)


def test_a_folder_or_a_loop_of_links_is_no_data(tmp_path: Path) -> None:
    path = _model(tmp_path / "model", "net.data")
    (path.parent / "net.data").symlink_to("net.data")
    with pytest.raises(SourceError, match="cannot be read"):
        check_external_data(path)
    (path.parent / "net.data").unlink()
    (path.parent / "net.data").mkdir()
    with pytest.raises(UnsafeInput, match="no file"):
        check_external_data(path)


def test_a_file_that_is_too_short_is_damage(tmp_path: Path) -> None:
    path = _model(tmp_path / "model", "net.data")
    (path.parent / "net.data").write_bytes(b"12")
    with pytest.raises(SourceError, match=r"refers to 4 bytes from 0 in 'net\.data', which has 2"):
        check_external_data(path)


def test_a_real_model_with_its_data_passes(tmp_path: Path) -> None:
    for name in ("side.onnx", "side.data"):
        shutil.copy(golden(name), tmp_path / name)
    check_external_data(tmp_path / "side.onnx")
    check_external_data(golden("net.onnx"))

"""Says what kind of source a file is, by its bytes; nothing in it is executed or unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from ..errors import SourceError


class FileKind(StrEnum):
    """What a file holds."""

    TORCH_ZIP = "torch checkpoint"
    TORCH_PICKLE = "legacy torch checkpoint"
    TORCHSCRIPT = "TorchScript archive"
    EXPORTED_PROGRAM = "torch exported program"
    SAFETENSORS = "safetensors weights"
    KERAS = "Keras model"
    HDF5 = "HDF5 file"
    ONNX = "ONNX model"
    LITERT = "LiteRT model"
    EXECUTORCH = "ExecuTorch program"


_SIGNS: dict[FileKind, Callable[[bytes, Path], bool]] = {
    FileKind.HDF5: lambda head, _: head.startswith(b"\x89HDF\r\n\x1a\n"),
    FileKind.LITERT: lambda head, _: head[4:8] == b"TFL3",
    FileKind.EXECUTORCH: lambda head, _: head[4:6] == b"ET",
    FileKind.TORCH_PICKLE: lambda head, _: head.startswith(b"\x80"),
    FileKind.SAFETENSORS: lambda head, path: (
        head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size
    ),
    # Protocol buffers have no magic number: field 1 of a model is its IR version.
    FileKind.ONNX: lambda head, path: head.startswith(b"\x08") and path.suffix == ".onnx",
}


def recognise(path: Path) -> FileKind:
    """The kind of a source or artifact file; SourceError if it is missing, empty or unknown."""
    head = _head(path)
    if head.startswith(b"PK"):
        return _kind_of_zip(path)
    for kind, fits in _SIGNS.items():
        if fits(head, path):
            return kind
    raise SourceError(
        f"{path} is not a kind of file we know (it starts with {head[:8].hex(' ')})",
        fix="give a .pt, .pth, .bin, .safetensors, .pt2, .keras or .h5 file, or a factory such as model.py:build",
    )


def _head(path: Path) -> bytes:
    if not path.exists():
        raise SourceError(f"{path} does not exist", fix="check the path; a factory is written file.py:function")
    if path.is_dir():
        raise SourceError(f"{path} is a folder, not a model file", fix="name the file inside it")
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", fix="check the file's permissions") from error
    if not head:
        raise SourceError(f"{path} is empty (0 bytes)", fix="fetch or save the checkpoint again")
    return head


def _kind_of_zip(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:  # what damaged archives cause
        raise SourceError(
            f"{path} is a broken archive: {error} (it may be truncated)", fix="fetch or save the checkpoint again"
        ) from error
    inner = {name.partition("/")[2] for name in names}
    if "config.json" in names and "model.weights.h5" in names:
        return FileKind.KERAS
    if "archive_format" in inner or any(name.startswith("models/") for name in inner):
        return FileKind.EXPORTED_PROGRAM
    if "constants.pkl" in inner:
        return FileKind.TORCHSCRIPT
    if "data.pkl" in inner:
        return FileKind.TORCH_ZIP
    raise SourceError(
        f"{path} is a zip archive but no model that we know (it holds {', '.join(sorted(names)[:4])})",
        fix="unpack it and name the checkpoint inside",
    )

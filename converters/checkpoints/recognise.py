"""Says what kind of source a file or folder is, by its bytes; nothing in it is executed or unpickled."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from ..errors import SourceError
from .archives import CheckedZip
from .folders import recognise_folder
from .json_kinds import recognise_json
from .kinds import FileKind as FileKind
from .opening import damage_named, mapped, status_of
from .protobuf_kinds import looks_like_onnx, looks_like_saved_model
from .torch_checkpoint import is_tar
from .torch_legacy import starts_as_torch
from .variables_index import TABLE_MAGIC

_HEAD = 512
_KNOWN = "give a .pt, .pth, .bin, .ckpt, .safetensors, .pt2, .keras or .h5 file, a SavedModel or Transformers folder"
_FIX = f"{_KNOWN}, or a factory such as model.py:build"
_SIGNS: dict[FileKind, Callable[[bytes, memoryview], bool]] = {
    FileKind.HDF5: lambda head, _: head.startswith(b"\x89HDF\r\n\x1a\n"),
    FileKind.TORCH_PICKLE: lambda head, _: starts_as_torch(head),
    FileKind.LITERT: lambda head, _: head[4:8] == b"TFL3",
    FileKind.EXECUTORCH: lambda head, _: head[4:6] == b"ET",
    FileKind.TORCH_TAR: lambda head, _: is_tar(head),
    FileKind.SAFETENSORS: lambda head, data: head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= len(data) - 8,
    FileKind.ONNX: lambda _, data: looks_like_onnx(data),
    FileKind.SAVED_MODEL: lambda _, data: looks_like_saved_model(data),
}
# Files that people take for checkpoints, by how they start, and what to do with each.
_OTHERS = {
    b"\x80": (
        "a pickle that torch.save did not write",
        "load it where it was made, and save the tensors as safetensors",
    ),
    b"version https://git-lfs": ("a Git LFS pointer, not the file itself", "fetch the file: git lfs pull"),
    b"GGUF": ("a GGUF file", "give the checkpoint that it was made from"),
    b"\x1f\x8b": ("compressed with gzip", "unpack it first: gunzip"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first: unxz"),
    b"BZh": ("compressed with bzip2", "unpack it first: bunzip2"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first: unzstd"),
    b"\x04\x22\x4d\x18": ("compressed with lz4", "unpack it first: unlz4"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it and name the checkpoint inside"),
    b"\x93NUMPY": ("a numpy array", "give the checkpoint that holds the whole model"),
    b"<!DOCTYPE": ("a web page, probably instead of a download that failed", "fetch the checkpoint again"),
    b"<!doctype": ("a web page, probably instead of a download that failed", "fetch the checkpoint again"),
    b"<html": ("a web page, probably instead of a download that failed", "fetch the checkpoint again"),
}
_CHECKPOINTS = (".keras", ".h5", ".hdf5", ".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".pt2", ".onnx", ".tflite")


def recognise(path: Path) -> FileKind:
    """The kind of a source or artifact; SourceError if it is missing, empty or unknown, UnsafeInput for a trap."""
    if stat.S_ISDIR(status_of(path).st_mode):
        return recognise_folder(path)
    return recognise_bytes(path, mapped(path))


def recognise_bytes(path: Path, data: memoryview) -> FileKind:
    """The kind of a file by its bytes, wherever these came from."""
    head = data[:_HEAD].tobytes()
    if head.startswith(b"PK"):
        return _kind_of_zip(path)
    for kind, fits in _SIGNS.items():
        if fits(head, data):
            return kind
    for start, (what, fix) in _OTHERS.items():
        if head.startswith(start):
            raise SourceError(f"{path} is {what}", fix=fix)
    if data[-len(TABLE_MAGIC) :].tobytes() == TABLE_MAGIC:
        raise SourceError(
            f"{path} is the index of TensorFlow variables, without their graph", fix="name the folder of the SavedModel"
        )
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return recognise_json(path, data)
    raise SourceError(f"{path} is not a kind of file we know (it starts with {head[:8].hex(' ')})", fix=_FIX)


def _kind_of_zip(path: Path) -> FileKind:
    with damage_named(path, "zip archive"), CheckedZip(path) as archive:
        names = archive.names()
    inner = {name.partition("/")[2] for name in names}
    if "config.json" in names and "model.weights.h5" in names:
        return FileKind.KERAS
    if "serialized_exported_program.json" in names or "archive_format" in inner or _has_folder(inner, "models/"):
        return FileKind.EXPORTED_PROGRAM
    if "constants.pkl" in inner:
        return FileKind.TORCHSCRIPT
    if "data.pkl" in inner:
        return FileKind.TORCH_ZIP
    raise _no_model(path, names)


def _has_folder(names: set[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)


def _no_model(path: Path, names: list[str]) -> SourceError:
    inside = [name for name in names if name.endswith(_CHECKPOINTS)]
    if names and all(name.endswith(".npy") for name in names):
        return SourceError(
            f"{path} is an archive of numpy arrays (.npz)", fix="give the checkpoint that holds the whole model"
        )
    if any(name.endswith(".data/extern_modules") for name in names):
        return SourceError(
            f"{path} is a torch.package, which is code to import", fix="save the weights alone, and give --model"
        )
    shown = ", ".join(sorted(inside or names)[:4])
    return SourceError(
        f"{path} is a zip archive but no model that we know (it holds {shown})",
        fix="unpack it and name the checkpoint inside",
    )

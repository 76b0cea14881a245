"""Tells what is in an artifact, whatever its format, from its bytes alone."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from pathlib import Path

from ..artifact import Format
from ..checkpoints.malformed import Malformed
from ..checkpoints.protobuf_kinds import looks_like_onnx
from ..checkpoints.recognise import FileKind, recognise
from ..errors import SourceError
from .executorch import IDENTIFIER as EXECUTORCH_IDENTIFIER
from .executorch import read_executorch
from .findings import Contents, Inspection
from .litert import IDENTIFIER as LITERT_IDENTIFIER
from .litert import read_litert
from .manifest_names import with_manifest_names
from .onnx import OnnxReader
from .torchscript import read_torchscript

_READERS: dict[Format, Callable[[Path, memoryview], Contents]] = {
    Format.TORCHSCRIPT: lambda path, _: read_torchscript(path),
    Format.EXECUTORCH: lambda _, data: read_executorch(data),
    Format.LITERT: lambda _, data: read_litert(data),
    Format.ONNX: lambda _, data: OnnxReader().read(data),
}
_MAKE_AGAIN = "copy it again, or convert its source again with `edgeproof convert`"
_GIVE_ARTIFACT = "give a TorchScript (.pt), ExecuTorch (.pte), LiteRT (.tflite) or ONNX (.onnx) file"


def inspect_artifact(path: Path) -> Inspection:
    """Read an artifact without running it or importing a framework; names it lacks come from a manifest.json beside it.

    Raises SourceError for a file that is missing, damaged or no artifact, UnsafeInput for a TorchScript file
    whose pickle asks for code.
    """
    data = _mapped(path)
    format_found = _format_of(path, data)
    try:
        contents = _READERS[format_found](path, data)
    except Malformed as error:
        raise SourceError(
            f"{path} looks like a file in the format {format_found}, but it is damaged or cut off: {error}",
            fix=_MAKE_AGAIN,
        ) from error
    return with_manifest_names(
        Inspection(
            file=str(path),
            format=format_found,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            contents=contents,
        )
    )


def _mapped(path: Path) -> memoryview:
    """The file's bytes, read from disk only where they are looked at."""
    try:
        with path.open("rb") as stream:
            if path.stat().st_size == 0:
                raise SourceError(f"{path} is empty (0 bytes)", fix=_MAKE_AGAIN)
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist", fix="check the path") from error
    except IsADirectoryError as error:
        raise SourceError(f"{path} is a folder", fix="name one file inside it") from error
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}", fix="check its permissions, and that it is a file"
        ) from error


def _format_of(path: Path, data: memoryview) -> Format:
    identifier = data[4:8].tobytes()
    if identifier == LITERT_IDENTIFIER:
        return Format.LITERT
    if identifier == EXECUTORCH_IDENTIFIER:
        return Format.EXECUTORCH
    if looks_like_onnx(data):
        return Format.ONNX
    try:
        kind = recognise(path)
    except SourceError as error:
        if data[:2].tobytes() == b"PK":
            raise
        start = data[:8].tobytes().hex(" ")
        raise SourceError(f"{path} is no artifact that we know (it starts with {start})", fix=_GIVE_ARTIFACT) from error
    if kind is FileKind.TORCHSCRIPT:
        return Format.TORCHSCRIPT
    if kind is FileKind.EXECUTORCH:
        raise SourceError(
            f"{path} is an ExecuTorch program of version {identifier.decode(errors='replace')}, and ET12 can be read",
            fix="export it again with executorch 0.2 or newer",
        )
    raise SourceError(f"{path} is a {kind}, not an artifact", fix=_GIVE_ARTIFACT)

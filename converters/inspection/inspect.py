"""Tells what is in an artifact or a checkpoint, whatever its format, from its bytes alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..artifact import Format
from ..checkpoints.kinds import FileKind
from ..checkpoints.malformed import Malformed, Refused
from ..checkpoints.opening import mapped
from ..checkpoints.recognise import recognise
from ..errors import SourceError, UnsafeInput
from .checkpoint_findings import CheckpointInspection
from .checkpoints import inspect_checkpoint, sha256_of
from .executorch import IDENTIFIER as EXECUTORCH_IDENTIFIER
from .executorch import read_executorch
from .findings import Contents, Inspection
from .litert import read_litert
from .manifest_names import with_manifest_names
from .onnx import OnnxReader
from .torchscript import read_torchscript

_FORMATS = {
    FileKind.TORCHSCRIPT: Format.TORCHSCRIPT,
    FileKind.EXECUTORCH: Format.EXECUTORCH,
    FileKind.LITERT: Format.LITERT,
    FileKind.ONNX: Format.ONNX,
}
_READERS: dict[Format, Callable[[Path, memoryview], Contents]] = {
    Format.TORCHSCRIPT: lambda path, _: read_torchscript(path),
    Format.EXECUTORCH: lambda _, data: read_executorch(data),
    Format.LITERT: lambda _, data: read_litert(data),
    Format.ONNX: lambda path, data: OnnxReader().read(data, folder=path.absolute().parent),
}
_DO_NOT_LOAD = "do not load it; get the file again from a source you trust"
_MAKE_AGAIN = "copy it again, or convert its source again with `edgeproof convert`"


def inspect_path(path: Path) -> Inspection | CheckpointInspection:
    """Read an artifact or a checkpoint without running it or importing a framework.

    Raises SourceError for what is missing, damaged or neither, UnsafeInput for what would leave its file or folder.
    """
    kind = recognise(path)
    return _inspect(path, _FORMATS[kind]) if kind in _FORMATS else inspect_checkpoint(path, kind)


def inspect_artifact(path: Path) -> Inspection:
    """Read an artifact; names that it lacks come from a manifest.json beside it.

    Raises SourceError for a file that is missing, damaged or no artifact, UnsafeInput for a TorchScript file
    whose pickle asks for code.
    """
    kind = recognise(path)
    if kind not in _FORMATS:
        raise SourceError(
            f"{path} is a {kind}, not an artifact",
            fix="give a TorchScript (.pt), ExecuTorch (.pte), LiteRT (.tflite) or ONNX (.onnx) file",
        )
    return _inspect(path, _FORMATS[kind])


def _inspect(path: Path, format_found: Format) -> Inspection:
    data = mapped(path)
    if format_found is Format.EXECUTORCH:
        _check_version(path, data[4:8].tobytes())
    try:
        contents = _READERS[format_found](path, data)
    except Malformed as error:
        raise SourceError(
            f"{path} looks like a file in the format {format_found}, but it is damaged or cut off: {error}",
            fix=_MAKE_AGAIN,
        ) from error
    except Refused as error:
        raise UnsafeInput(f"{path} {error.what}", fix=_DO_NOT_LOAD) from error
    return with_manifest_names(
        Inspection(file=str(path), format=format_found, bytes=len(data), sha256=sha256_of(data), contents=contents)
    )


def _check_version(path: Path, identifier: bytes) -> None:
    if identifier != EXECUTORCH_IDENTIFIER:
        raise SourceError(
            f"{path} is an ExecuTorch program of version {identifier.decode(errors='replace')}, and ET12 can be read",
            fix="export it again with executorch 0.2 or newer",
        )

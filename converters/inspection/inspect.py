"""Tells what is in an artifact, whatever its format, from its bytes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..artifact import Format
from ..errors import SourceError
from .executorch import read_executorch
from .findings import Contents, Inspection
from .litert import read_litert
from .malformed import Malformed
from .onnx import OnnxReader
from .torchscript import read_torchscript


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    data: memoryview


_READERS: dict[Format, Callable[[_File], Contents]] = {
    Format.TORCHSCRIPT: lambda file: read_torchscript(file.path),
    Format.EXECUTORCH: lambda file: read_executorch(file.data),
    Format.LITERT: lambda file: read_litert(file.data),
    Format.ONNX: lambda file: OnnxReader().read(file.data),
}


def inspect_artifact(path: Path) -> Inspection:
    """Read an artifact without running it or importing a framework.

    Raises SourceError for a file that is missing, damaged or no artifact, UnsafeInput for a TorchScript file
    whose pickle asks for code.
    """
    with path_opened(path) as mapped, memoryview(mapped) as data:
        format_found = _format_of(path, data)
        try:
            contents = _READERS[format_found](_File(path=path, data=data))
        except Malformed as error:
            raise SourceError(
                f"{path} looks like a {format_found} file, but it is damaged or cut off: {error}",
                fix="copy it again, or convert its source again with `edgeproof convert`",
            ) from error
        return Inspection(
            file=str(path),
            format=format_found,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            contents=contents,
        )

"""What an artifact's file needs at run time, in one place for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..artifact import Format
from .executorch import executorch_needs
from .litert import litert_needs
from .needs import ReducedBuild, RuntimeNeeds
from .onnx import onnx_needs
from .torchscript import torchscript_needs


def needs_of(
    path: Path, format_name: str, *, made_by: Mapping[str, str], optimised: Path | None = None
) -> tuple[RuntimeNeeds, ReducedBuild | None]:
    """Read the shipped file: what it needs, and a file for building a runtime with its operators alone.

    `made_by` are the versions of what made it. `optimised` is what ONNX Runtime's graph optimisation makes of an
    ONNX model (optimising.py), whose operators a reduced build needs as well. `proven` and
    `reduced_build` are left for the caller, who knows what ran it and where the file goes. Of a third party's format
    nothing is known. Raises SourceError or UnsafeInput for a file that cannot be read.
    """
    if format_name not in set(Format):
        return RuntimeNeeds(runtime=format_name, least="unknown", least_by="edgeproof does not read this format"), None
    match Format(format_name):
        case Format.ONNX:
            return onnx_needs(path, optimised=optimised)
        case Format.LITERT:
            return litert_needs(path)
        case Format.EXECUTORCH:
            return executorch_needs(path, made_by)
        case Format.TORCHSCRIPT:
            return torchscript_needs(path, made_by), None

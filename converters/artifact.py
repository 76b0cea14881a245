"""One file that was made: its format, backend and precision, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .precision import Precision
from .signature import Signature


class Format(StrEnum):
    """The kinds of artifact that can be made."""

    TORCHSCRIPT = "torchscript"
    EXECUTORCH = "executorch"
    LITERT = "litert"
    ONNX = "onnx"

    @property
    def extension(self) -> str:
        """The file name extension, with its dot."""
        return _EXTENSIONS[self]


_EXTENSIONS = {Format.TORCHSCRIPT: ".pt", Format.EXECUTORCH: ".pte", Format.LITERT: ".tflite", Format.ONNX: ".onnx"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A converted model on disk.

    `file` is a path; `route` names the steps that made it, `notes` what a user should know (an unrolled
    loop, a dimension that became fixed); `made_by` maps tool names to versions; `seconds` maps stages to
    wall time.
    """

    file: str
    format: Format
    backend: str
    precision: Precision
    signature: Signature
    sha256: str
    bytes: int
    route: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

"""One file that was made: its format, backend and precision, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .companions import Companion, Role
from .estimate import Estimate
from .precision import Precision
from .quantization.backend_recipe import BackendRecipe
from .quantization.execution import Execution
from .signature import Signature


class Format(StrEnum):
    """The kinds of artifact that we make; a third party may add others by name."""

    TORCHSCRIPT = "torchscript"
    EXECUTORCH = "executorch"
    LITERT = "litert"
    ONNX = "onnx"


_EXTENSIONS = {Format.TORCHSCRIPT: ".pt", Format.EXECUTORCH: ".pte", Format.LITERT: ".tflite", Format.ONNX: ".onnx"}


def extension_of(format_name: str) -> str:
    """The file name extension of a format, with its dot; a third party's format goes by its own name."""
    return next((text for known, text in _EXTENSIONS.items() if known == format_name), f".{format_name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A converted model on disk.

    `file` is a path; `route` names the steps that made it, `notes` what a user should know (an unrolled
    loop, a dimension that became fixed); `layouts` maps a tensor to "nchw" or "nhwc" where it differs from
    the source's; `made_by` maps tool names to versions. `execution` says of a quantised artifact what it computes in
    integers. Of a micro-edge backend `companions` are the files beside it that judging needs, `backend_recipe` says how
    the backend's own quantiser made it, `estimate` what its compiler expects of it.
    """

    file: str
    format: str
    backend: str
    precision: Precision
    signature: Signature
    sha256: str
    bytes: int
    route: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    layouts: dict[str, str] = field(default_factory=dict[str, str])
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    execution: Execution | None = None
    companions: tuple[Companion, ...] = ()
    backend_recipe: BackendRecipe | None = None
    estimate: Estimate | None = None

    def companion(self, role: Role) -> list[str]:
        """The paths of the files beside it that play a role."""
        return [str(Path(self.file).with_name(each.file)) for each in self.companions if each.role is role]

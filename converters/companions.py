"""Files that lie beside an artifact because judging it needs them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a file beside an artifact is.

    `quantised` is the program that a backend's own quantiser made, which the artifact is compared with; `tosa` what
    Vela compiled to a part of an ExecuTorch program, `before-vela` what it compiled to a LiteRT file.
    """

    QUANTISED = "quantised"
    TOSA = "tosa"
    BEFORE_VELA = "before-vela"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """One such file, by its name in the artifact's folder."""

    role: Role
    file: str
    sha256: str
    bytes: int

"""What the artifacts of a precision are made of: which program, and the recipe that quantises it."""

from __future__ import annotations

from dataclasses import dataclass

from ..converters.precision import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The program that all artifacts of one precision are made of.

    `origin` names the rows of the registry that make it, "onnx" where it comes from the file `onnx_graph`; `recipe` is
    None for a precision in float. A
    backend that quantises by itself has no recipe, and takes its scales from the calls of `calibration`.
    """

    precision: Precision
    origin: str
    recipe: str | None = None
    onnx_graph: str | None = None
    calibration: str | None = None

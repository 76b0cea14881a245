"""What is asked of a whole run, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..converters.job import ConvertOptions
from ..converters.manifest import Manifest
from ..converters.precision import Precision
from ..converters.signature import Dim
from ..converters.source import Source
from ..converters.worker.pool import Limits
from .parity import ParityReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Convert `source` into `formats`, and judge every artifact unless `verify` is off; `hops` splits all errors.

    `samples` and `calibration` are an .npz, a folder of them or "file.py:fn", or files that `preprocess` makes calls
    of, a function or the path of a specification; `recipe` is a file that an earlier run wrote, `budget` what
    quantisation may cost (converters/quantization/budget.py); `dynamic` maps "input.axis" to its dimension;
    `state` maps an input that carries state to the output that it is fed from; `targets` names where to run.
    """

    source: Source
    formats: tuple[str, ...]
    output: Path
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    backend: str | None = None
    dynamic: dict[str, Dim] = field(default_factory=dict[str, Dim])
    samples: str | None = None
    calibration: str | None = None
    preprocess: str | None = None
    state: dict[str, str] = field(default_factory=dict[str, str])
    recipe: str | None = None
    budget: str | None = None
    targets: tuple[str, ...] = ("host",)
    options: ConvertOptions = field(default_factory=ConvertOptions)
    verify: bool = True
    hops: bool = False
    overwrite: bool = False
    seed: int = 0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the time of one job went: wall seconds in all and per stage, and its worker's peak memory."""

    title: str
    wall_seconds: float
    stages: dict[str, float]
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left: the folder (None if it was not written), its manifest, the report, and the times."""

    folder: Path | None
    manifest: Manifest | None
    report: ParityReport
    timings: tuple[Timing, ...] = ()
    seconds: float = 0.0

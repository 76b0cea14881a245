"""What the command-line process asks of a worker, and what it gets back; only JSON and files cross."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .artifact import Artifact
from .precision import Precision
from .signature import Dim, Signature
from .source import Source


class Layout(StrEnum):
    """Where the channels of four-dimensional inputs or outputs stand."""

    NCHW = "nchw"
    NHWC = "nhwc"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob:
    """Load the source, find its signature, and run it on its samples.

    `dynamic` maps "input.axis" to bounds; `samples` is the user's `--samples` text; the worker writes
    `samples.npz` and `reference.npz` (see tensors.py) into `folder`.
    """

    source: Source
    folder: str
    dynamic: dict[str, Dim] = field(default_factory=dict[str, Dim])
    samples: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What describing a source found; the files hold one call per sample."""

    source: Source
    signature: Signature
    source_sha256: str
    samples: str
    reference: str
    real_samples: bool
    parameters: int
    made_by: dict[str, str]
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """Choices that change the artifact."""

    allow_flex: bool = False
    input_layout: Layout | None = None
    output_layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertJob:
    """Make one artifact at `output` from a described source.

    `onnx_graph` is the source's ONNX artifact, for the route that goes through it.
    """

    source: Source
    signature: Signature
    samples: str
    format: str
    output: str
    precision: Precision = Precision.FP32
    backend: str | None = None
    onnx_graph: str | None = None
    options: ConvertOptions = field(default_factory=ConvertOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Run an artifact on stored calls and store its outputs."""

    artifact: Artifact
    calls: str
    outputs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How an artifact's run went: wall seconds, the median per call, and who computed."""

    outputs: str
    seconds: float
    median_call_seconds: float
    made_by: dict[str, str]

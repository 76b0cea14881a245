"""What the command-line process asks of a worker, and what it gets back; only JSON and files cross."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .artifact import Artifact
from .feedback import Feedback
from .precision import Precision
from .processor import Processor
from .signature import Dim, Signature
from .source import Source


class Layout(StrEnum):
    """Where the channels of four-dimensional inputs or outputs stand."""

    NCHW = "nchw"
    NHWC = "nhwc"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifyJob:
    """Look at a source whose framework its file alone can tell."""

    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob:
    """Load the source and find its signature.

    `dynamic` maps "input.axis" to a named dimension; `samples` is the user's function ("file.py:fn") that
    gives real inputs, `calibration` the one that gives inputs for quantisation. With `preprocess`, the user's function
    or a specification's path, each may be a folder or a file instead, of which that makes calls. The worker writes what
    it finds into `folder`, in files of calls (tensors.py).
    """

    source: Source
    folder: str
    dynamic: dict[str, Dim] = field(default_factory=dict[str, Dim])
    samples: str | None = None
    calibration: str | None = None
    preprocess: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A source as it was found: `examples` holds one call, `samples` and `calibration` calls that functions gave.

    `sample_files` and `calibration_files` are the files that these calls were made of, if they were; `originals` holds
    what the first of the former were before a specification's preprocessing. `ranges` has the
    lowest and highest value of inputs that choose rows of a table. `made_by` names the framework's version, `notes`
    what the user should know about the source. `fingerprint` is that of the weights a factory built (None for other
    sources): called again, it must build the same.
    """

    source: Source
    signature: Signature
    examples: str
    samples: str | None
    calibration: str | None = None
    parameters: int
    made_by: dict[str, str]
    notes: tuple[str, ...] = ()
    fingerprint: str | None = None
    sample_files: tuple[str, ...] = ()
    calibration_files: tuple[str, ...] = ()
    originals: str | None = None
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """Choices that change the artifact."""

    allow_flex: bool = False
    input_layout: Layout | None = None
    output_layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertJob:
    """Make one artifact at `output` from a described source.

    `onnx_graph` is the source's ONNX artifact, for the route that goes through it; `recipe` is the file that says
    how the model is quantised, None for a precision in float. A backend that quantises by itself takes its scales from
    the calls of `calibration`, and keeps the `budget` in mind for whoever judges it.
    """

    source: Source
    signature: Signature
    examples: str
    format: str
    output: str
    precision: Precision = Precision.FP32
    backend: str | None = None
    onnx_graph: str | None = None
    recipe: str | None = None
    calibration: str | None = None
    budget: str | None = None
    fingerprint: str | None = None
    options: ConvertOptions = field(default_factory=ConvertOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeJob:
    """Decide how the program of a conversion is quantised, and write the recipe to its `output`.

    `calibration` is a file of calls (None where a precision needs none), `labels` one of what they should give (for a
    budget that is a task's metric), `recipe` one made before whose decisions are taken over, `budget` what may be lost
    (quantization/budget.py).
    """

    program: ConvertJob
    calibration: str | None = None
    labels: str | None = None
    recipe: str | None = None
    budget: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """Where a recipe was written, and its SHA-256."""

    recipe: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateJob:
    """Run the programs that conversions lower, in torch, on stored calls and store their outputs, by format.

    Artifacts of that format and precision must compute what its program computes: it rounds where they round.
    """

    program: ConvertJob
    calls: str
    outputs: dict[str, str]
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateArtifactJob:
    """Run the program that a backend's own quantiser made of an artifact on stored calls, and store its outputs."""

    artifact: Artifact
    calls: str
    outputs: str
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthJob:
    """Run the source's program on stored calls in float64 (`exact`) and in float32 (`program_outputs`).

    `jittered` names files for further runs in float64, each with the number of float32 ulps that every operator's
    result is moved by at random.
    """

    program: ConvertJob
    calls: str
    exact: str
    program_outputs: str
    jittered: dict[str, float] = field(default_factory=dict[str, float])
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceJob:
    """Run the source itself on stored calls and store its outputs, which artifacts are compared with.

    The first `required` calls must succeed; of the others, which were generated, the source may refuse some. With
    `jitter`, a seed, its weights are moved by up to one float32 ulp each before it runs.
    """

    source: Source
    signature: Signature
    calls: str
    outputs: str
    required: int
    fingerprint: str | None = None
    jitter: int | None = None
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreJob:
    """Score the first `calls` outputs of a source and of an artifact by a function of the user's ("file.py:fn")."""

    function: str
    labels: str
    reference: str
    outputs: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What the function gave for both."""

    source: float
    artifact: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Run an artifact on stored calls and store its outputs.

    With a `budget`, in seconds, no call is begun once it is spent and `least` calls were made.
    """

    artifact: Artifact
    calls: str
    outputs: str
    feedback: Feedback | None = None
    budget: float | None = None
    least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureJob:
    """Measure how long calls of an artifact take on `threads` threads; `look` asks what the runtime executes too."""

    artifact: Artifact
    calls: str
    threads: int
    look: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The seconds of each measured call, and who computed (name to version).

    `memory` is what loading and running added to the process at its peak, in bytes. `rounding` counts the operators
    that only go between floats and integers, as the runtime has them, `partitions` the pieces that a delegate took. All
    are None where nobody tells.
    """

    seconds: tuple[float, ...]
    made_by: dict[str, str]
    memory: int | None = None
    rounding: int | None = None
    partitions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledProgramJob:
    """Write the ExecuTorch program `file` with the `calls` that it takes and what is `expected` of it to `output`.

    Both are files of calls (tensors.py) in the artifact's layouts; `inputs` and `outputs` name their tensors in order.
    """

    file: str
    calls: str
    expected: str
    output: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run went: the number of calls, the median seconds of one, and who computed (name to version).

    `declared` is the signature that an artifact's file itself declares, in the artifact's own layouts; `refused`
    are the calls that a source did not take, by position: their outputs are left out. `processor` is where it ran, and
    `emulated` says that this was an emulator, whose seconds mean nothing. `positions` are the stored calls that ran, in
    ascending order, where not all of them did.
    """

    calls: int
    median_call_seconds: float
    made_by: dict[str, str]
    declared: Signature | None = None
    refused: tuple[int, ...] = ()
    processor: Processor | None = None
    emulated: bool = False
    positions: tuple[int, ...] | None = None

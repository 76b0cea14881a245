"""manifest.json of a bundle: everything that an app developer would otherwise have to guess."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ...converters.documents import Document
from ...converters.manifest import SourceRecord
from ...converters.needs.needs import Operator as Operator
from ...converters.needs.needs import RuntimeNeeds as RuntimeNeeds
from ...converters.precision import Precision
from ...converters.processor import Processor
from ...converters.quantization.execution import Execution
from ...converters.signature import Dim
from ..parity import Check, Status

SCHEMA = 1
FILE_NAME = "manifest.json"


class Platform(StrEnum):
    """What a bundle is made for; it decides which artifacts and examples go in."""

    ANDROID = "android"
    IOS = "ios"
    LINUX_ARM64 = "linux-arm64"
    MICRO = "micro"


class Loading(StrEnum):
    """What a file can do to whoever loads it: be data alone, or bring a program for the runtime's interpreter."""

    DATA = "data"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledTensor:
    """One input or output of an artifact as an app sees it.

    A dynamic dimension stands in `shape` by its name. `layout` ("nchw", "nhwc") and `colours` ("rgb", "bgr", "grey")
    are there for images, `range` is the lowest and highest value that preprocessing gives or that real samples had.
    `scale` and `zero_point` belong to tensors in integers: `quantize` and `dequantize` are the formulas with numbers.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    layout: str | None = None
    colours: str | None = None
    range: tuple[float, float] | None = None
    scale: float | None = None
    zero_point: int | None = None
    quantize: str | None = None
    dequantize: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCheck:
    """One figure of one output beside its limit."""

    output: str
    check: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetParity:
    """How an artifact did on one target when it was converted; an emulator's milliseconds are left out.

    `replayed` says that the file as it is shipped, with its metadata, ran there again on the bundle's own calls.
    """

    target: str
    status: Status
    reason: str = ""
    checks: tuple[TargetCheck, ...] = ()
    calls: int = 0
    replayed: bool = False
    emulated: bool = False
    processor: Processor | None = None
    run_by: dict[str, str] = field(default_factory=dict[str, str])
    ms_per_call: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCall:
    """One real sample for one artifact: files of raw little-endian values in C order, by tensor name.

    Layouts are the artifact's, `shapes` and `dtypes` those of the files: of a tensor in integers with a scale they hold
    the real numbers, before `quantize` and after `dequantize`. `tolerance` is the largest absolute difference of each
    output from the expected one that still is the same model.
    """

    sample: int
    inputs: dict[str, str]
    outputs: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    tolerance: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledArtifact:
    """One artifact; `allowed` says that it is here although it has no PASS, because whoever bundled it said so.

    `scheme` says in words what the precision stores and computes. `bundled_program` names ExecuTorch's .bpte of it.
    """

    file: str
    format: str
    backend: str
    precision: Precision
    scheme: str
    sha256: str
    bytes: int
    platforms: tuple[Platform, ...]
    inputs: tuple[BundledTensor, ...]
    outputs: tuple[BundledTensor, ...]
    needs: RuntimeNeeds
    parity: tuple[TargetParity, ...]
    golden: tuple[GoldenCall, ...]
    examples: tuple[str, ...]
    dims: tuple[Dim, ...] = ()
    loading: Loading = Loading.DATA
    allowed: bool = False
    bundled_program: str | None = None
    execution: Execution | None = None
    notes: tuple[str, ...] = ()
    made_by: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A real sample before preprocessing: raw pixels (height, width, 3) of uint8, samples of int16, or a UTF-8 text."""

    sample: int
    file: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The names of the classes, one a line of `file`: element i of the last axis of `output` is line i.

    Where that axis has one element, it is the probability of the second of two labels.
    """

    file: str
    output: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """The specification's file; `proven` says that the samples were made by it, and not by code of the user's own."""

    file: str
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """The contents of a bundle's manifest.json; `expected` labels are by sample, as the source model gives them."""

    schema: int = SCHEMA
    name: str
    version: str
    license: str | None = None
    edgeproof: str
    source: SourceRecord
    platforms: tuple[Platform, ...]
    samples_sha256: str
    real_samples: bool
    calibration_sha256: str | None = None
    preprocessing: Preprocessing | None = None
    labels: Labels | None = None
    originals: tuple[Original, ...] = ()
    expected: tuple[str, ...] = ()
    artifacts: tuple[BundledArtifact, ...] = ()


DOCUMENT = Document(
    content=BundleManifest,
    title="bundle manifest",
    schema=SCHEMA,
    fix="use the edgeproof that wrote it, or make the bundle again with `edgeproof bundle`",
)

"""What `edgeproof bench` found: a row for each artifact and number of threads, and the advice that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ...converters.documents import Document
from ...converters.precision import Precision
from ...converters.processor import Processor
from ..parity import Status, gravest
from .spread import Difference, Spread

SCHEMA = 1


class Measured(StrEnum):
    """How measuring an artifact ended."""

    MEASURED = "MEASURED"
    CHANGED = "CHANGED"
    LOAD_FAIL = "LOAD_FAIL"
    RUN_FAIL = "RUN_FAIL"
    NOT_RUN = "NOT_RUN"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstFloat:
    """An artifact beside the fp32 artifact of its format and backend: times its time, and whether that is a difference.

    `difference` is "none" where the spreads of the two overlap.
    """

    times: float
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """One artifact on one number of threads.

    `milliseconds` is over all calls of all rounds, `memory` the bytes that loading and running added to a process at
    their peak. `of_float` is the file's size as a share of the fp32 artifact's. `sqnr_db` (None where nothing differs)
    and `parity` are those of parity.json, the first the lowest of all outputs; `integer_share` is the share of
    multiply-accumulates in integer kernels. `rounding` counts operators outside of delegates that only round or widen,
    `partitions` the delegate's pieces. A row that is not MEASURED says why, with the exit code that it asks for.
    """

    file: str
    format: str
    backend: str
    precision: Precision
    threads: int
    status: Measured
    reason: str = ""
    fix: str = ""
    code: str | None = None
    exit_code: int = 0
    log: str | None = None
    milliseconds: Spread | None = None
    against_float: AgainstFloat | None = None
    calls: int = 0
    rounds: int = 0
    memory: int | None = None
    bytes: int
    of_float: float | None = None
    sqnr_db: float | None = None
    parity: Status | None = None
    integer_share: float | None = None
    rounding: int | None = None
    partitions: int | None = None
    run_by: dict[str, str] = field(default_factory=dict[str, str])


class AdviceKind(StrEnum):
    """What a piece of advice is about."""

    BEST = "best"
    NOT_FASTER = "not-faster"
    NOT_SMALLER = "not-smaller"
    NOT_COMPARED = "not-compared"


class Cause(StrEnum):
    """Why smaller numbers do not pay; the texts are stable, scripts may compare them."""

    NO_DOT_PRODUCT = "no-dot-product"
    NO_HALF_ARITHMETIC = "no-half-arithmetic"
    FLOAT_OPERATORS = "float-operators"
    FLOAT_BY_DESIGN = "float-by-design"
    NO_16_BIT_KERNELS = "no-16-bit-kernels"
    DYNAMIC_CONVOLUTIONS = "dynamic-convolutions"
    ROUNDING_BETWEEN = "rounding-between"
    PARTITIONS = "partitions"
    NOT_DELEGATED = "not-delegated"
    SMALL_MODEL = "small-model"
    FEW_WEIGHTS = "few-weights"
    NOISE = "noise"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A cause, with what of it was found here."""

    cause: Cause
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One sentence on a format (None: on all of them together) or one of its artifacts, with the reasons for it.

    `file` is the artifact that it speaks of: the best one, or the one that is not faster.
    """

    kind: AdviceKind
    text: str
    file: str | None = None
    format: str | None = None
    backend: str | None = None
    precision: Precision | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyReport:
    """Everything that was measured; `edgeproof bench --json` prints this type.

    `calls` counts the stored calls that were used, `real_calls` is false where they were generated. `load` is the
    machine's load average before the first measurement (None where the system does not tell).
    """

    schema: int = SCHEMA
    source: str
    source_sha256: str
    rows: tuple[LatencyRow, ...]
    advice: tuple[Advice, ...]
    rounds: int
    calls: int
    real_calls: bool
    processor: Processor
    processors: int
    load: float | None
    edgeproof: str


def exit_code(report: LatencyReport) -> int:
    """0 if all was measured, else the gravest of what its rows ask for."""
    return gravest({row.exit_code for row in report.rows})


DOCUMENT = Document(
    content=LatencyReport, title="latency report", schema=SCHEMA, fix="measure again with `edgeproof bench DIR --json`"
)

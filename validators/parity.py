"""What parity says: the status of every artifact on every target, the evidence, and the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..converters.estimate import Estimate
from ..converters.processor import Processor
from .steps import Beside, Hop

Number = int | float | str
SCHEMA = 1


class Status(StrEnum):
    """How one artifact on one target ended."""

    PASS = "PASS"
    FAIL = "FAIL"
    CONVERT_FAIL = "CONVERT_FAIL"
    QUANTIZE_FAIL = "QUANTIZE_FAIL"
    LOAD_FAIL = "LOAD_FAIL"
    RUN_FAIL = "RUN_FAIL"
    NOT_RUN = "NOT_RUN"


class Verdict(StrEnum):
    """What all of it comes to."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_RUN = "NOT_RUN"


class Cause(StrEnum):
    """Why an output, or a whole artifact, was failed; the texts are stable, scripts may compare them."""

    NO_SAMPLES = "no-samples"
    CALL_COUNT = "call-count"
    NO_REFERENCE = "no-reference"
    MISSING_OUTPUT = "missing-output"
    EXTRA_OUTPUT = "extra-output"
    OUTPUT_ORDER = "output-order"
    SWAPPED_OUTPUTS = "swapped-outputs"
    INPUT_NAMES = "input-names"
    INPUT_ORDER = "input-order"
    INPUT_SHAPE = "input-shape"
    INPUT_DTYPE = "input-dtype"
    DTYPE = "dtype"
    NOT_REAL = "not-real"
    SHAPE = "shape"
    DYNAMIC_FIXED = "dynamic-fixed"
    DYNAMIC_UNPROVEN = "dynamic-unproven"
    NOTHING_COMPARED = "nothing-compared"
    NONFINITE = "nonfinite"
    NONFINITE_LOST = "nonfinite-lost"
    ALL_ZERO = "all-zero"
    CONSTANT = "constant"
    INPUT_IGNORED = "input-ignored"
    NOT_EQUAL = "not-equal"
    TOLERANCE = "tolerance"
    NO_SIMULATION = "no-simulation"
    NOT_THE_SIMULATION = "not-the-simulation"
    SCORE = "score"
    CLOSED_LOOP = "closed-loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: a stable code, a sentence for people, and what to do next."""

    code: Cause
    reason: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure beside its limit.

    `would_pass` is the smallest limit that would have let it pass, rounded up to two digits; a figure that
    is infinite (a difference from a source that is all zeros) is None in both, and has failed.
    """

    quantity: str
    value: float | None
    limit: float
    passed: bool
    would_pass: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of one call, as the source has it and as the artifact has it.

    What JSON has no number for is text: "nan", "inf", "-inf".
    """

    call: int
    index: tuple[int, ...]
    reference: Number
    actual: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What plots of one output show.

    `errors` counts the artifact's differences from the truth, `noise` the source's own, by quarter of a decade of the
    absolute difference ((-24, 7) are 7 between 1e-6 and 1.8e-6; those of zero are left out). `points` are values of
    the source and of the artifact, `by_call` is the rms difference of every call.
    """

    errors: tuple[tuple[int, int], ...] = ()
    noise: tuple[tuple[int, int], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    by_call: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorParity:
    """One output over all calls.

    Figures are None where they could not be taken or mean nothing, as beside a NaN that only one side has.
    `sqnr_db` is None when nothing differs, or when the source is silent. `noise_ratio` is for float32 the rms
    difference from the truth as a multiple of the noise floor, otherwise the difference from the simulated model as a
    share of the noise that the simulation itself has against the source; `steps` is the latter in steps of the
    output's own scale, where it has one. `floor` is the noise floor in the output's own unit, where that is what it was
    judged by.
    """

    name: str
    status: Status
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    dtype: str | None = None
    shape: tuple[int | str, ...] | None = None
    calls: int = 0
    elements: int = 0
    scale: float | None = None
    max_abs: float | None = None
    max_rel_to_scale: float | None = None
    rms: float | None = None
    rms_rel_to_scale: float | None = None
    sqnr_db: float | None = None
    cosine: float | None = None
    noise_ratio: float | None = None
    steps: float | None = None
    mismatches: int | None = None
    top1: float | None = None
    top1_rows: int = 0
    worst: Element | None = None
    checks: tuple[Check, ...] = ()
    floor: float | None = None
    profile: Profile | None = None

    @property
    def code(self) -> Cause | None:
        """The first finding's code."""
        return self.findings[0].code if self.findings else None

    @property
    def reason(self) -> str:
        """The first finding's sentence; empty for a pass."""
        return self.findings[0].reason if self.findings else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a function of the user's ("file.py:fn") gave for the source and for the artifact, on the real samples."""

    function: str
    source: float
    artifact: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """One artifact on one target.

    `code` is a Cause or the name of the error that ended it; `exit_code` is what that error asks for, None
    when the status says it. `samples` counts the calls that were compared, `seconds` is the run's wall
    time, `ms_per_call` the median; an emulator's is left out. `beside` is there for what ran on the host as well.
    `score` is there where the budget was a task's metric, `hops` where the artifact failed or where they were asked
    for. `estimate` is what a micro-edge backend's compiler expects. `made_by` and `run_by` map tools to versions.
    """

    file: str
    format: str
    precision: str
    target: str
    status: Status
    reason: str = ""
    fix: str = ""
    code: str | None = None
    exit_code: int | None = None
    log: str | None = None
    backend: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    outputs: tuple[TensorParity, ...] = ()
    samples: int = 0
    seconds: float | None = None
    ms_per_call: float | None = None
    policy: str | None = None
    score: Score | None = None
    hops: tuple[Hop, ...] = ()
    beside: Beside | None = None
    emulated: bool = False
    processor: Processor | None = None
    estimate: Estimate | None = None
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    run_by: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """Everything that was judged against one source; parity.json is this type.

    `real_samples` is false when the verdict stands on generated inputs alone; `real_calls` counts them, which come
    first. `samples_sha256` covers every input of every call, in order.
    """

    schema: int = SCHEMA
    verdict: Verdict
    results: tuple[ParityRow, ...]
    source: str
    source_sha256: str
    samples_sha256: str
    samples: int
    real_samples: bool
    real_calls: int = 0
    seed: int
    processor: Processor
    edgeproof: str
    notes: tuple[str, ...] = ()


def verdict_of(rows: tuple[ParityRow, ...]) -> Verdict:
    """PASS only if there are rows and every one passed; NOT_RUN if none failed but some were not judged."""
    statuses = {row.status for row in rows}
    if statuses == {Status.PASS}:
        return Verdict.PASS
    if statuses <= {Status.PASS, Status.NOT_RUN}:
        return Verdict.NOT_RUN
    return Verdict.FAIL


_EXIT_CODES = {
    Status.PASS: 0,
    Status.FAIL: 1,
    Status.LOAD_FAIL: 1,
    Status.RUN_FAIL: 1,
    Status.CONVERT_FAIL: 3,
    Status.QUANTIZE_FAIL: 3,
    Status.NOT_RUN: 4,
}

# The gravest first. A crash or a refusal puts all else in doubt. After that an artifact known to be wrong comes
# before one that was not made or not run: a pipeline that puts up with 3 or 4 must not miss a 1 behind it.
_GRAVEST_FIRST = (6, 5, 2, 1, 3, 4)


def exit_code(report: ParityReport) -> int:
    """The process exit code by the contract's table; with several causes the gravest: 6, 5, 2, 1, 3, 4.

    A report without rows is NOT_RUN, which is 4.
    """
    codes = {_exit_code_of(row) for row in report.results}
    return gravest(codes) if codes else _EXIT_CODES[Status.NOT_RUN]


def gravest(codes: set[int]) -> int:
    """The exit code of a run whose parts ended with `codes`."""
    return next((code for code in _GRAVEST_FIRST if code in codes), 0 if codes == {0} else 6)


def _exit_code_of(row: ParityRow) -> int:
    by_status = _EXIT_CODES[row.status]
    return by_status if by_status == 0 or row.exit_code is None else row.exit_code or by_status

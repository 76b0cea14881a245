"""What is worse in a report than in an earlier one, beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..converters.precision import Precision
from .parity import Number, ParityReport, ParityRow, Status, TensorParity
from .reports.wording import figure as figure_text
from .reports.wording import size

# Kernels change with every release of a runtime, and with them the last bits. An error has grown if it is more than
# twice as large, and larger by the source's own noise; where that was not measured, by shares of the output's scale
# that correct conversions to float32 stay below.
_GROWTH = 2.0
_LEAST_NOISE_RATIO = 1.0
_LEAST_MAX, _LEAST_RMS = 5e-6, 5e-7
_LEAST_DECIBELS = 1.0
_LEAST_SHARE = 0.01
_LEAST_SIZE = 0.05
# Above this, float32 itself rounds: an output that is the same to the last bit is not better than that.
_MOST_DECIBELS = 100.0
_ROUNDING = 1e-9
_EXACT = ("int", "uint", "bool")

RowKey = tuple[str, str, str]
Values = tuple[Number | None, Number | None]


class Figure(StrEnum):
    """What is worse; the texts are stable, scripts may compare them."""

    SAMPLES = "samples"
    MISSING = "missing"
    STATUS = "status"
    OUTPUT = "output"
    BYTES = "bytes"
    NOISE_RATIO = "noise_ratio"
    MAX = "max_rel_to_scale"
    RMS = "rms_rel_to_scale"
    SQNR = "sqnr_db"
    TOP1 = "top1"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One thing that is worse: where, what, both values (None where there is none) and a sentence.

    `format`, `precision` and `target` name the artifact's row, None for what concerns the whole report; `output` is
    None for what concerns the whole artifact.
    """

    figure: Figure
    reason: str
    format: str | None = None
    precision: str | None = None
    target: str | None = None
    output: str | None = None
    before: Number | None = None
    now: Number | None = None

    @property
    def where(self) -> str:
        """The artifact and its output in words; empty for the whole report."""
        if self.format is None:
            return ""
        row = f"{self.format} {self.precision} on {self.target}"
        return row if self.output is None else f"{row}, {self.output!r}"

    @property
    def sentence(self) -> str:
        """The whole of it in one line."""
        return f"{self.where}: {self.reason}" if self.where else self.reason


def key_of(row: ParityRow) -> RowKey:
    """What tells the rows of a report apart."""
    return row.format, row.precision, row.target


def regressions(now: ParityReport, before: ParityReport, *, only: str | None = None) -> tuple[Regression, ...]:
    """What is worse in `now`; with `only`, of the artifact of that file name alone.

    Both are of one source. Where they were judged on other samples no figures are compared, which is itself a
    regression: nobody can say that nothing is worse.
    """
    found = {key_of(row): row for row in now.results}
    same = now.samples_sha256 == before.samples_sha256
    worse = [] if same else [_other_samples()]
    for row in before.results:
        if only is None or row.file == only:
            worse.extend(_of_row(found.get(key_of(row)), row, figures=same))
    return tuple(worse)


def share_changed(output: TensorParity) -> float | None:
    """The share of elements that differ, of an output whose elements are integers or booleans."""
    is_exact = output.dtype is not None and output.dtype.startswith(_EXACT)
    if not is_exact or output.mismatches is None or not output.elements:
        return None
    return output.mismatches / output.elements


def is_identical(output: TensorParity) -> bool:
    """Whether nothing differs at all, which has no ratio of signal to noise."""
    return output.calls > 0 and output.max_abs == 0.0


def _other_samples() -> Regression:
    return Regression(
        figure=Figure.SAMPLES, reason="the baseline was judged on other samples, so its figures say nothing about these"
    )


def _of_row(now: ParityRow | None, before: ParityRow, *, figures: bool) -> Iterator[Regression]:
    if now is None:
        reason = "is in the baseline, and was not judged now"
        yield _at(before, Figure.MISSING, reason, values=(before.status.value, None))
    elif before.status is not Status.PASS:
        return
    elif now.status is not Status.PASS:
        reason = f"passed before, and is {now.status} now"
        yield _at(before, Figure.STATUS, reason, values=(before.status.value, now.status.value))
    else:
        yield from _of_size(now, before)
        if figures:
            yield from _of_outputs(now, before)


def _of_size(now: ParityRow, before: ParityRow) -> Iterator[Regression]:
    if now.bytes is None or before.bytes is None or now.bytes <= before.bytes * (1 + _LEAST_SIZE):
        return
    reason = f"the file has {size(now.bytes)}, before {size(before.bytes)}; {_LEAST_SIZE:.0%} more is allowed"
    yield _at(before, Figure.BYTES, reason, values=(before.bytes, now.bytes))


def _of_outputs(now: ParityRow, before: ParityRow) -> Iterator[Regression]:
    outputs = {output.name: output for output in now.outputs}
    for old in before.outputs:
        new = outputs.get(old.name)
        if new is None:
            yield _at(before, Figure.OUTPUT, "is an output in the baseline, and none now", output=old.name)
            continue
        for rule in _rules(Precision(before.precision), new, old):
            yield from rule.broken(before, new, old)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How one figure is read, when it is worse, and how both are said."""

    figure: Figure
    name: str
    read: Callable[[TensorParity], float | None]
    worse: Callable[[float, float], bool]
    allowed: str
    text: Callable[[float], str] = figure_text

    def broken(self, row: ParityRow, new: TensorParity, old: TensorParity) -> Iterator[Regression]:
        now, before = self.read(new), self.read(old)
        if now is not None and before is not None and self.worse(now, before):
            reason = f"{self.name} is {self.text(now)}, before {self.text(before)}; {self.allowed} is allowed"
            yield _at(row, self.figure, reason, output=new.name, values=(before, now))


def _rules(precision: Precision, new: TensorParity, old: TensorParity) -> tuple[_Rule, ...]:
    if share_changed(new) is not None:
        return (_CHANGED,)
    noise = (_NOISE,) if new.noise_ratio is not None and old.noise_ratio is not None else ()
    if precision is not Precision.FP32:
        return (*noise, _SQNR, _TOP1)
    return (*(noise or (_MAX, _RMS)), _TOP1)


def _grown(least: float) -> Callable[[float, float], bool]:
    return lambda now, before: now > _GROWTH * before and now - before > least + _ROUNDING * least


def _sqnr(output: TensorParity) -> float | None:
    if output.sqnr_db is None:
        return _MOST_DECIBELS if is_identical(output) else None
    return min(output.sqnr_db, _MOST_DECIBELS)


def _decibels(value: float) -> str:
    return f"{value:.1f} dB" if value < _MOST_DECIBELS else f"{_MOST_DECIBELS:.0f} dB or more"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _at(
    row: ParityRow, worse: Figure, reason: str, *, output: str | None = None, values: Values = (None, None)
) -> Regression:
    before, now = values
    return Regression(
        figure=worse,
        reason=reason,
        format=row.format,
        precision=row.precision,
        target=row.target,
        output=output,
        before=before,
        now=now,
    )


_NOISE = _Rule(
    figure=Figure.NOISE_RATIO,
    name="the noise ratio",
    read=lambda output: output.noise_ratio,
    worse=_grown(_LEAST_NOISE_RATIO),
    allowed=f"twice as much, or {_LEAST_NOISE_RATIO:g} more,",
)
_MAX = _Rule(
    figure=Figure.MAX,
    name="the largest difference / scale",
    read=lambda output: output.max_rel_to_scale,
    worse=_grown(_LEAST_MAX),
    allowed=f"twice as much, or {_LEAST_MAX:g} more,",
)
_RMS = _Rule(
    figure=Figure.RMS,
    name="rms / scale",
    read=lambda output: output.rms_rel_to_scale,
    worse=_grown(_LEAST_RMS),
    allowed=f"twice as much, or {_LEAST_RMS:g} more,",
)
_SQNR = _Rule(
    figure=Figure.SQNR,
    name="SQNR",
    read=_sqnr,
    worse=lambda now, before: before - now > _LEAST_DECIBELS + _ROUNDING,
    allowed=f"{_LEAST_DECIBELS:g} dB less",
    text=_decibels,
)
_TOP1 = _Rule(
    figure=Figure.TOP1,
    name="the share of decisions kept",
    read=lambda output: output.top1,
    worse=lambda now, before: before - now > _LEAST_SHARE + _ROUNDING,
    allowed=f"{100 * _LEAST_SHARE:g} % less",
    text=_percent,
)
_CHANGED = _Rule(
    figure=Figure.CHANGED,
    name="the share of changed integers",
    read=share_changed,
    worse=lambda now, before: now - before > _LEAST_SHARE + _ROUNDING,
    allowed=f"{100 * _LEAST_SHARE:g} % more",
    text=_percent,
)

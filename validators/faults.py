"""What fails an output whatever the tolerance, read from its measurements."""

from __future__ import annotations

from collections.abc import Iterator

from ..converters.signature import TensorSpec
from .accumulators import DECIDED
from .metrics import OutputMetrics, Worst
from .parity import Cause, Check, Finding

_WHO_ELSE_FAILS = (
    "see whether the other formats fail alike (--to all): if they do, the source's export is at fault, if not, this "
    "format's lowering is; leave it out with --to until that is mended"
)

# Of how many elements, and rows, a share says something; and the shares that are told.
_ENOUGH = 64
_ENOUGH_ROWS = 4
_SATURATED = 0.99


def faults(spec: TensorSpec, metrics: OutputMetrics) -> Iterator[Finding]:
    """Each fault of the values, the most telling first; nothing if there is none."""
    if metrics.appeared:
        yield _appeared(spec, metrics)
    if metrics.vanished:
        yield Finding(
            code=Cause.NONFINITE_LOST,
            reason=f"the source's {spec.name!r} is NaN or infinite in {metrics.vanished} elements where the "
            "artifact gives ordinary numbers: they do not compute the same function there",
            fix="give samples on which the source itself is well behaved, or mend the source",
        )
    if metrics.compared == 0 and not metrics.appeared and 0 not in spec.shape:
        yield _nothing_compared(spec, metrics)
    yield from _degenerate(spec, metrics)


def _appeared(spec: TensorSpec, metrics: OutputMetrics) -> Finding:
    place = metrics.first_appeared
    where = f": first in {_place(place)}, where the source has {place.reference:.6g}" if place else ""
    return Finding(
        code=Cause.NONFINITE,
        reason=f"{metrics.appeared} of {metrics.elements} elements of {spec.name!r} are NaN or infinite in the "
        f"artifact and not in the source{where}",
        fix=_WHO_ELSE_FAILS,
    )


def _nothing_compared(spec: TensorSpec, metrics: OutputMetrics) -> Finding:
    what = "is empty in every call" if metrics.elements == 0 else "holds no finite number in any call"
    return Finding(
        code=Cause.NOTHING_COMPARED,
        reason=f"the source's {spec.name!r} {what}, so nothing was compared",
        fix="judge on samples to which the model has an answer: --samples",
    )


def _degenerate(spec: TensorSpec, metrics: OutputMetrics) -> Iterator[Finding]:
    """The artifact's output is zero, constant or blind where the source's visibly is not."""
    if metrics.actual_range is None or metrics.reference_range is None:
        return
    visible = DECIDED * metrics.scale
    low, high = metrics.actual_range
    spread = metrics.reference_range[1] - metrics.reference_range[0]
    if low == high == 0.0 and metrics.scale > 0.0:
        yield _degenerate_finding(Cause.ALL_ZERO, f"every element of {spec.name!r} is zero in the artifact")
    elif low == high and spread > visible:
        yield _degenerate_finding(Cause.CONSTANT, f"every element of {spec.name!r} is {low:.6g} in the artifact")
    elif not metrics.actual_changes and metrics.reference_changes > visible:
        yield Finding(
            code=Cause.INPUT_IGNORED,
            reason=f"the artifact's {spec.name!r} is the same for every input, while the source's changes by up to "
            f"{metrics.reference_changes:.3g}",
            fix="look for an input that the export turned into a constant: `edgeproof inspect ARTIFACT`",
        )


def _degenerate_finding(code: Cause, what: str) -> Finding:
    return Finding(code=code, reason=f"{what}, and in the source they are not", fix=_WHO_ELSE_FAILS)


def off_limits(spec: TensorSpec, metrics: OutputMetrics, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """One finding if any check did not pass, or there was none; NaN and infinity are findings of their own."""
    failed = [one for one in checks if not one.passed]
    said = metrics.appeared or metrics.vanished
    if said or (checks and not failed):
        return
    if metrics.exact:
        reason = f"{metrics.mismatches} of {metrics.compared} elements of {spec.name!r} differ, where none may"
        code = Cause.NOT_EQUAL
    else:
        figures = ", ".join(f"{one.quantity} is {_figure(one.value)} (limit {one.limit:.1e})" for one in failed)
        reason = f"{spec.name!r} is too far from the source: {figures or 'no figure was checked'}"
        code = Cause.TOLERANCE
    yield Finding(code=code, reason=reason + _worst(metrics.worst), fix=_WHO_ELSE_FAILS)


def notes(spec: TensorSpec, metrics: OutputMetrics) -> Iterator[str]:
    """What gates nothing, but tells how much the verdict is worth."""
    if metrics.calls == 1:
        yield f"{spec.name!r} was judged on a single call, so nothing shows that it depends on the input"
    elif metrics.calls > 1 and metrics.reference_changes <= DECIDED * metrics.scale:
        yield f"the source's {spec.name!r} hardly changes from sample to sample: a path that is stuck would not show"
    yield from _ill_conditioned(spec, metrics)
    if metrics.top1_rows and metrics.top1_agreed < metrics.top1_rows:
        yield (
            f"the largest entry of {spec.name!r} stands elsewhere in {metrics.top1_rows - metrics.top1_agreed} of "
            f"{metrics.top1_rows} decided rows"
        )


def _ill_conditioned(spec: TensorSpec, metrics: OutputMetrics) -> Iterator[str]:
    """Outputs in which a difference further in front does not show, and choices that nobody has made."""
    enough = metrics.compared >= _ENOUGH and metrics.calls > 1 and not metrics.exact
    if enough and metrics.reference_range and metrics.at_ends >= _SATURATED * metrics.compared:
        low, high = metrics.reference_range
        yield (
            f"{100 * metrics.at_ends / metrics.compared:.1f} % of the source's {spec.name!r} lies at the ends of its "
            f"range, {low:.4g} and {high:.4g}: it is saturated, and a difference in front of it would hardly show"
        )
    undecided = metrics.choice_rows - metrics.top1_rows
    if metrics.choice_rows >= _ENOUGH_ROWS and 2 * undecided > metrics.choice_rows:
        yield (
            f"in {undecided} of {metrics.choice_rows} rows of the source's {spec.name!r} the largest entry leads by no "
            "more than rounding: that decisions are kept says nothing there"
        )


def _worst(worst: Worst | None) -> str:
    if worst is None:
        return ""
    return f"; most in {_place(worst)}: source {worst.reference:.9g}, artifact {worst.actual:.9g}"


def _place(worst: Worst) -> str:
    return f"call {worst.call} element {list(worst.index)}"


def _figure(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2e}"

"""The verdicts as tables: by kind of fault, by criterion, and what was missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from measure import markdown_table

from edgeproof.converters.precision import Precision
from edgeproof.validators.parity import Status

from .criteria import CRITERIA
from .verdicts import Verdict

_BAR = 10.0  # times the noise floor: what is larger must be seen
_OURS = "edgeproof"
_SHOWN = (_OURS, *list(CRITERIA)[:4])


def standing(verdicts: Sequence[Verdict]) -> bool:
    """Whether no correct artifact failed and no fault above the bar passed."""
    missed = any(_is_over_the_bar(each) and each.status == Status.PASS for each in verdicts if each.fault)
    return not missed and not any(each.status != Status.PASS for each in verdicts if not each.fault)


def report(verdicts: Sequence[Verdict]) -> str:
    """Everything in Markdown."""
    floats = [each for each in verdicts if each.precision == Precision.FP32]
    rounded = [each for each in verdicts if each.precision != Precision.FP32]
    parts = [
        "## By criterion, float32\n",
        _by_criterion(floats),
        "\n## By kind of fault, float32\n",
        _by_fault(floats),
        "\n## int8\n",
        _by_fault(rounded) if any(each.fault for each in rounded) else "",
        _alarms(rounded),
        "\n## What passed\n",
        *_passed(verdicts),
    ]
    return "\n".join(parts)


def _by_criterion(verdicts: Sequence[Verdict]) -> str:
    faults = [each for each in verdicts if each.fault]
    over = [each for each in faults if _is_over_the_bar(each)]
    right = [each for each in verdicts if not each.fault]
    rows = [
        (
            name,
            _share(sum(_sees(each, name) for each in over), len(over)),
            _share(sum(_sees(each, name) for each in faults), len(faults)),
            _share(sum(_sees(each, name) for each in right), len(right)),
        )
        for name in (_OURS, *CRITERIA)
    ]
    headings = ("criterion", "faults over 10 x the floor seen", "all faults seen", "false alarms on correct artifacts")
    return markdown_table(headings, rows)


def _by_fault(verdicts: Sequence[Verdict]) -> str:
    kinds = dict.fromkeys((each.fault, each.planted) for each in verdicts if each.fault)
    rows = []
    for fault, planted in kinds:
        found = [each for each in verdicts if (each.fault, each.planted) == (fault, planted)]
        models, formats = len({each.model for each in found}), len({each.format for each in found})
        rows.append(
            (
                fault,
                planted,
                f"{len(found)} ({models} models, {formats} formats)",
                _sizes(found),
                *(
                    _share(sum(_sees(each, name) for each in found), len(found))
                    for name in (_OURS, *list(CRITERIA)[:4])
                ),
            )
        )
    return markdown_table(("fault", "in", "artifacts", "rms / floor", *_SHOWN), rows)


def _alarms(verdicts: Sequence[Verdict]) -> str:
    right = [each for each in verdicts if not each.fault]
    failed = sum(each.status != Status.PASS for each in right)
    return f"\nCorrect int8 artifacts: {len(right)} verdicts, {failed} false alarms."


def _passed(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Every fault that passed, largest first, and every correct artifact that failed."""
    passed = [each for each in verdicts if each.fault and each.status == Status.PASS]
    for each in sorted(passed, key=lambda one: -(one.rms or 0)):
        size = "unknown" if each.rms is None else f"{each.rms:.2g}"
        yield f"- {each.fault} ({each.planted}), {each.model}, {each.format} {each.precision}: {size} x the floor"
    for each in verdicts:
        if not each.fault and each.status != Status.PASS:
            yield f"- FALSE ALARM: {each.model}, {each.format} {each.precision}, {each.planted}: {each.code} {each.rms}"


def _sees(verdict: Verdict, criterion: str) -> bool:
    return verdict.status != Status.PASS if criterion == _OURS else not verdict.others[criterion]


def _is_over_the_bar(verdict: Verdict) -> bool:
    """Whether an output changed by more than ten times the floor, or in a way that no number says."""
    return verdict.precision == Precision.FP32 and (verdict.rms is None or verdict.rms > _BAR)


def _sizes(found: Sequence[Verdict]) -> str:
    known = sorted(each.rms for each in found if each.rms is not None)
    return f"{known[0]:.2g} to {known[-1]:.2g}" if known else "-"


def _share(count: int, total: int) -> str:
    return f"{count}/{total}" if total else "-"

"""Which artifact to take, by what was measured, and why smaller numbers do not pay where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...converters.manifest import Manifest
from ...converters.precision import Precision
from ...converters.processor import Processor
from ..parity import Status
from .reasons import Case, why_not_faster, why_not_smaller
from .report import Advice, AdviceKind, LatencyRow, Reason
from .spread import Difference, difference

_NOT_SMALLER = 0.9
# What the medians of two artifacts may differ by for the smaller to be taken, where the noise hides more than that.
_AS_FAST = 1.1
_Rows = tuple[LatencyRow, ...]


def advise(rows: Sequence[LatencyRow], made: Manifest, processor: Processor) -> tuple[Advice, ...]:
    """What is best in each format, what is not faster or not smaller and why, and what is best of all.

    Times are compared on the smallest number of threads; an artifact that failed parity is never the best.
    """
    groups: dict[tuple[str, str], list[LatencyRow]] = {}
    for row in rows:
        if row.milliseconds is not None:
            groups.setdefault((row.format, row.backend), []).append(row)
    advisor = _Advisor(made, processor)
    return (*(advice for group in groups.values() for advice in advisor.on_group(tuple(group))), *_on_all(rows))


class _Advisor:
    def __init__(self, made: Manifest, processor: Processor) -> None:
        self._records = {record.file: record for record in made.artifacts}
        self._parameters = made.source.parameters
        self._processor = processor

    def on_group(self, group: _Rows) -> Iterator[Advice]:
        """All advice on the measured artifacts of a format and backend."""
        yield from _left_out(group)
        yield _best_of_format(group, made=self._made_precisions(group[0]))
        for file in dict.fromkeys(row.file for row in group if row.precision is not Precision.FP32):
            yield from self._on_artifact(tuple(row for row in group if row.file == file), group)

    def _made_precisions(self, row: LatencyRow) -> set[Precision]:
        """Those that there are of a row's format and backend, measured or not."""
        records = self._records.values()
        return {each.precision for each in records if (each.format, each.backend) == (row.format, row.backend)}

    def _on_artifact(self, ours: _Rows, group: _Rows) -> Iterator[Advice]:
        compared = tuple(row for row in ours if row.against_float is not None)
        if not compared:
            return
        differences = {row.against_float.difference for row in compared if row.against_float}
        if differences != {Difference.FASTER}:
            is_slower = Difference.SLOWER in differences
            case = self._case(_least_convincing(compared), group)
            reasons = why_not_faster(case, is_slower=is_slower)
            yield _about(AdviceKind.NOT_FASTER, ours[0], _times_in_words(compared), reasons=reasons)
        share = ours[0].of_float
        if share is not None and share > _NOT_SMALLER:
            text = f"{ours[0].precision} is not smaller than fp32: {share:.2f} of its bytes"
            reasons = why_not_smaller(self._case(compared[0], group))
            yield _about(AdviceKind.NOT_SMALLER, ours[0], text, reasons=reasons)

    def _case(self, row: LatencyRow, group: _Rows) -> Case:
        """The row beside fp32 on as many threads, with what only a row on the fewest threads was asked for."""
        base = next(each for each in group if each.precision is Precision.FP32 and each.threads == row.threads)
        return Case(
            record=self._records[row.file],
            row=row,
            base=base,
            processor=self._processor,
            parameters=self._parameters,
        )


def fastest(rows: Sequence[LatencyRow]) -> LatencyRow:
    """Of those that are as fast as the fastest, the smallest."""
    first = min(rows, key=_median)
    as_fast = (row for row in rows if _median(row) <= _AS_FAST * _median(first) and not _is_slower(row, first))
    return min(as_fast, key=lambda row: row.bytes)


def _best_of_format(group: _Rows, *, made: set[Precision]) -> Advice:
    rows = _usable(group)
    precisions = {row.precision for row in rows}
    if Precision.FP32 not in precisions:
        how = (
            "it was not measured, or failed parity"
            if Precision.FP32 in made
            else "convert with --precision fp32 as well"
        )
        return _not_compared(group[0], f"there is no fp32 artifact to compare with: {how}")
    if len(precisions) == 1:
        how = (
            "the others were not measured, or failed parity" if len(made) > 1 else "convert with --precision fp32,int8"
        )
        return _not_compared(group[0], f"there is nothing to compare fp32 with: {how}")
    best = fastest(rows)
    text = _fp32_in_words(rows) if best.precision is Precision.FP32 else _best_in_words(best)
    return _about(AdviceKind.BEST, best, text + _on_more_threads(best, group))


def _on_all(rows: Sequence[LatencyRow]) -> Iterator[Advice]:
    usable = _usable(tuple(row for row in rows if row.milliseconds is not None))
    if len({(row.format, row.backend) for row in usable}) < 2:
        return
    best = fastest(usable)
    text = f"{best.format} {best.precision} is best of all: {_median(best):.3g} ms with {_threads(best)}{_sqnr(best)}"
    yield Advice(kind=AdviceKind.BEST, text=text, file=best.file)


def _usable(group: _Rows) -> _Rows:
    """Those that may be chosen, on the fewest threads."""
    fewest = min((row.threads for row in group), default=0)
    return tuple(row for row in group if row.threads == fewest and row.parity in {None, Status.PASS})


def _left_out(group: _Rows) -> Iterator[Advice]:
    failed = {row.file: row for row in group if row.parity not in {None, Status.PASS}}
    for row in failed.values():
        text = f"{row.precision} is left out of the choice: parity.json says {row.parity}"
        yield _about(AdviceKind.NOT_COMPARED, row, text)


def _best_in_words(best: LatencyRow) -> str:
    against = best.against_float
    share = "" if best.of_float is None else f", {best.of_float:.2f} of its bytes"
    if against is None or not _differs(best):
        return f"{best.precision} is best: no difference in time from fp32 with {_threads(best)}{share}{_sqnr(best)}"
    times = f"{against.times:.2f} times the time of fp32 with {_threads(best)}"
    return f"{best.precision} is best: {times}{share}{_sqnr(best)}"


def _fp32_in_words(rows: _Rows) -> str:
    smallest = min(rows, key=lambda row: row.bytes)
    hidden = [row.precision for row in rows if row.precision is not Precision.FP32 and not _differs(row)]
    text = f"fp32 is best in time, {', '.join(hidden)} within the noise" if hidden else "fp32 is best in time"
    if smallest.precision is Precision.FP32 or smallest.against_float is None or smallest.of_float is None:
        return text
    cost = f"{smallest.of_float:.2f} of its bytes at {smallest.against_float.times:.2f} times its time"
    return f"{text}; {smallest.precision} is the smallest, {cost} with {_threads(smallest)}{_sqnr(smallest)}"


def _on_more_threads(best: LatencyRow, group: _Rows) -> str:
    """What speaks against the choice on other numbers of threads."""
    texts = [
        f"{other.precision} is faster with {_threads(other)}"
        for other in sorted(group, key=lambda row: row.threads)
        for same in group
        if same.file == best.file and same.threads == other.threads != best.threads and _is_slower(same, other)
        if other.parity in {None, Status.PASS}
    ]
    return "".join(f"; {text}" for text in texts)


def _times_in_words(rows: _Rows) -> str:
    """How an artifact compares with fp32, by number of threads."""
    words = {Difference.SLOWER: "slower than", Difference.NONE: "no faster than", Difference.FASTER: "faster than"}
    parts: list[str] = []
    for kind, word in words.items():
        same = [row for row in rows if row.against_float and row.against_float.difference is kind]
        times = [f"{row.against_float.times:.2f} times with {_threads(row)}" for row in same if row.against_float]
        if times:
            note = ", no difference outside of the spread" if kind is Difference.NONE else ""
            parts.append(f"{word} fp32 ({', '.join(times)}{note})")
    return f"{rows[0].precision} is {'; '.join(parts)}"


def _least_convincing(rows: _Rows) -> LatencyRow:
    return max(rows, key=lambda row: row.against_float.times if row.against_float else 0.0)


def _is_slower(row: LatencyRow, other: LatencyRow) -> bool:
    if row.milliseconds is None or other.milliseconds is None:
        return False
    return difference(row.milliseconds, other.milliseconds) is Difference.SLOWER


def _differs(row: LatencyRow) -> bool:
    return row.against_float is not None and row.against_float.difference is not Difference.NONE


def _median(row: LatencyRow) -> float:
    return row.milliseconds.median if row.milliseconds else float("inf")


def _threads(row: LatencyRow) -> str:
    return f"{row.threads} thread" if row.threads == 1 else f"{row.threads} threads"


def _sqnr(row: LatencyRow) -> str:
    return "" if row.sqnr_db is None else f", SQNR {row.sqnr_db:.1f} dB"


def _about(kind: AdviceKind, row: LatencyRow, text: str, *, reasons: tuple[Reason, ...] = ()) -> Advice:
    """Advice on one artifact."""
    return Advice(
        kind=kind,
        text=text,
        file=row.file,
        format=row.format,
        backend=row.backend,
        precision=row.precision,
        reasons=reasons,
    )


def _not_compared(row: LatencyRow, text: str) -> Advice:
    return Advice(kind=AdviceKind.NOT_COMPARED, text=text, format=row.format, backend=row.backend)

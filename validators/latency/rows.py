"""Rows of a latency report, from what was measured of each artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...converters.errors import EdgeproofError, LoadError, NotRunnable
from ...converters.job import Measurement
from ...converters.precision import Precision
from ..rows import changed_row
from .measuring import Series
from .report import AgainstFloat, LatencyRow, Measured
from .spread import difference, spread_of


def refuse_changed(series: Sequence[Series]) -> None:
    """Give each series whose file is not the manifest's an error, so that it is not measured."""
    for one in series:
        changed = changed_row(one.candidate.artifact, "host")
        if changed is not None:
            one.error, one.is_changed = LoadError(changed.reason, fix=changed.fix), True


def rows_of(series: Sequence[Series]) -> tuple[LatencyRow, ...]:
    """One row a series, in its order, those beside an fp32 compared with it."""
    rows = [_failed(one, one.error) if one.error else _measured(one, one.rounds) for one in series]
    bases = {
        (row.format, row.backend, row.threads): row
        for row in rows
        if row.precision is Precision.FP32 and row.milliseconds is not None
    }
    sizes = {(row.format, row.backend): row.bytes for row in rows if row.precision is Precision.FP32}
    return tuple(
        replace(
            row,
            against_float=_against(row, bases.get((row.format, row.backend, row.threads))),
            of_float=_share(row.bytes, sizes.get((row.format, row.backend))),
        )
        for row in rows
    )


def _against(row: LatencyRow, base: LatencyRow | None) -> AgainstFloat | None:
    if base is None or row.milliseconds is None or base.milliseconds is None:
        return None
    return AgainstFloat(
        times=row.milliseconds.median / base.milliseconds.median,
        difference=difference(row.milliseconds, base.milliseconds),
    )


def _share(part: int, whole: int | None) -> float | None:
    return part / whole if whole else None


def _row(series: Series, status: Measured) -> LatencyRow:
    record = series.candidate.record
    return LatencyRow(
        file=record.file,
        format=record.format,
        backend=record.backend,
        precision=record.precision,
        threads=series.threads,
        status=status,
        bytes=record.bytes,
        sqnr_db=series.candidate.sqnr_db,
        parity=series.candidate.parity,
        integer_share=series.candidate.integer_share,
    )


def _measured(series: Series, rounds: Sequence[Measurement]) -> LatencyRow:
    seconds = series.seconds
    first = rounds[0]
    return replace(
        _row(series, Measured.MEASURED),
        milliseconds=spread_of(seconds),
        calls=len(seconds),
        rounds=len(rounds),
        memory=max((each.memory for each in rounds if each.memory is not None), default=None),
        rounding=first.rounding,
        partitions=first.partitions,
        run_by=first.made_by,
    )


def _failed(series: Series, error: EdgeproofError) -> LatencyRow:
    return replace(
        _row(series, Measured.CHANGED if series.is_changed else _status_of(error)),
        reason=error.message,
        fix=error.fix,
        code="changed-file" if series.is_changed else type(error).__name__,
        exit_code=error.exit_code,
        log=error.log,
    )


def _status_of(error: EdgeproofError) -> Measured:
    match error:
        case LoadError():
            return Measured.LOAD_FAIL
        case NotRunnable():
            return Measured.NOT_RUN
        case _:
            return Measured.RUN_FAIL

"""Per model, format and precision: the best upstream artifact, the best of any format, and ours beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .contenders import DYNAMIC, FORMATS, OURS, STATIC
from .rows import Row

# Integers of 8 bits cannot be that close to the float model, with rounding in every layer.
_NOTHING_QUANTISED_DB = 100.0
# Neither half of the work in integers nor half of the weights in 8 bits (which would make a file of 0.62).
_HALF_THE_WORK, _HALF_THE_WEIGHTS = 0.5, 0.62


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Rows that are None are missing: no tool made an artifact that runs (`best`, `best_anywhere`), or we did not.

    `as_good` is whether ours reaches `best`; `slower` our latency as a multiple of the fastest upstream artifact of
    the same format, whatever its precision, that is at least as accurate as ours.
    """

    model: str
    format: str
    mode: str
    best: Row | None
    best_anywhere: Row | None
    ours: Row | None
    took_part: bool
    slower: float | None

    @property
    def as_good(self) -> bool | None:
        """None if we did not take part."""
        if not self.took_part:
            return None
        if self.ours is None or self.ours.sqnr_db is None:
            return False
        return self.best is None or reaches(self.ours, self.best)

    @property
    def fine(self) -> bool:
        """Whether nothing speaks against ours: it was not asked for, or it is as accurate as the best."""
        return self.as_good is not False


def reaches(row: Row, other: Row) -> bool:
    """Whether a row's accuracy is at least the other's, to the tenth of a decibel that the tables show."""
    return round(row.sqnr_db or 0.0, 1) >= round(other.sqnr_db or 0.0, 1)


def in_float(row: Row) -> bool:
    """Whether an artifact is the float model, but for a layer or two: some tools quantise no more and do not say so."""
    barely = row.integers is not None and row.integers < _HALF_THE_WORK and (row.size_of_float or 0) > _HALF_THE_WEIGHTS
    return barely or (row.sqnr_db or 0.0) > _NOTHING_QUANTISED_DB


def standings(found: Mapping[str, Sequence[Row]]) -> Iterator[Standing]:
    """All models, formats and both precisions for which anybody was asked."""
    for model, rows in found.items():
        for mode in (STATIC, DYNAMIC):
            for name in FORMATS:
                asked = [row for row in rows if row.format == name and row.mode == mode]
                if asked:
                    yield _standing(model, (name, mode), rows)


def _standing(model: str, place: tuple[str, str], rows: Sequence[Row]) -> Standing:
    name, mode = place
    upstream = [row for row in rows if row.tool != OURS and row.sqnr_db is not None and not in_float(row)]
    same = [row for row in rows if row.tool == OURS and (row.format, row.mode) == place]
    ours = next((row for row in same if row.sqnr_db is not None), None)
    return Standing(
        model=model,
        format=name,
        mode=mode,
        best=_most_accurate([row for row in upstream if (row.format, row.mode) == place]),
        best_anywhere=_most_accurate([row for row in upstream if row.mode == mode]),
        ours=ours,
        took_part=bool(same),
        slower=_slower(ours, [row for row in upstream if row.format == name]) if ours else None,
    )


def _most_accurate(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row.sqnr_db or 0.0, default=None)


def _slower(ours: Row, upstream: Sequence[Row]) -> float | None:
    rivals = [row.milliseconds for row in upstream if row.milliseconds and reaches(row, ours)]
    return ours.milliseconds / min(rivals) if rivals and ours.milliseconds else None

"""Which of many calls stand for all of them: a few, spread evenly from the first to the last."""

from __future__ import annotations

from collections.abc import Sequence

SAMPLES = 8  # of the real samples, for targets that are slow and for bundles, which people look into


def spread(positions: range, count: int) -> Sequence[int]:
    """At most `count` of the positions, the first and the last included."""
    if len(positions) <= count:
        return positions
    return [positions[round(place * (len(positions) - 1) / (count - 1))] for place in range(count)]

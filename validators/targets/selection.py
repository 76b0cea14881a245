"""Which of the stored calls a slow target runs, and in which order, so that whatever it manages says most."""

from __future__ import annotations

from itertools import zip_longest

from ...converters.feedback import Feedback
from ...converters.spread import SAMPLES, spread

_PROBES = 16
_SEQUENCE = 8
_BEFORE_A_SEQUENCE = 3


def selection(count: int, *, real: int, feedback: Feedback | None) -> tuple[int, ...]:
    """Positions among `count` calls: the example, then samples and probes in turn, then a sequence's first calls.

    The first `real` calls are samples, the next one is the example, then come probes, and a sequence from
    `feedback.start` on. At most eight samples and sixteen probes, spread evenly over all of them, and fewer before a
    sequence, which must not be left out.
    """
    start = count if feedback is None else feedback.start
    samples = spread(range(real), SAMPLES if feedback is None else _BEFORE_A_SEQUENCE)
    probes = spread(range(real + 1, start), _PROBES if feedback is None else _BEFORE_A_SEQUENCE)
    mixed = (each for pair in zip_longest(samples, probes) for each in pair if each is not None)
    return (real, *mixed, *range(start, min(count, start + _SEQUENCE)))

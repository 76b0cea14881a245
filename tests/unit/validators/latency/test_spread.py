"""What calls come to, and what counts as a difference."""

from __future__ import annotations

import pytest
from latency_rows import spread

from edgeproof.validators.latency.spread import Difference, difference, spread_of


def test_calls_become_milliseconds_and_quartiles() -> None:
    found = spread_of([0.001, 0.002, 0.003, 0.004, 0.1])
    assert (found.first_quartile, found.median, found.third_quartile) == pytest.approx((2, 3, 4))
    assert found.width == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("ours", "width", "expected"),
    [
        (5.0, 0.1, Difference.FASTER),
        (15.0, 0.1, Difference.SLOWER),
        (9.0, 0.3, Difference.NONE),
        (9.7, 0.001, Difference.NONE),
        (10.0, 0.1, Difference.NONE),
    ],
)
def test_a_difference_is_one_outside_of_the_noise(ours: float, width: float, expected: Difference) -> None:
    assert difference(spread(ours, width=width), spread(10.0, width=width)) is expected

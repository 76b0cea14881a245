"""Figures in few characters."""

from __future__ import annotations

import pytest

from edgeproof.validators.reports.wording import beside_text
from edgeproof.validators.steps import Beside


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        (Beside(max_abs=0.0, different=0, elements=40), "the same bits in all 40 numbers"),
        (
            Beside(max_abs=0.5, different=3, elements=40, steps=1.0, noise_ratio=120.0),
            "3 of 40 numbers differ, by at most 0.5, 1 LSB, 1.2e+02 x the noise floor",
        ),
        (Beside(max_abs=None, different=3, elements=40), "3 of 40 numbers differ, by at most \N{EN DASH}"),
    ],
)
def test_how_far_a_target_is_from_the_host(beside: Beside, text: str):
    assert beside_text(beside) == text

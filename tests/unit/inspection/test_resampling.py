"""Two resizes are alike where they read the same pixels, whatever they are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeproof.converters.inspection.resampling import difference, is_alike
from edgeproof.converters.inspection.variants import Axis, Resize

NEAREST = Resize(mode="nearest", rule="asymmetric", rounding="floor")
EXACT = Resize(mode="nearest", rule="half-pixel", rounding="half-up")
LINEAR = Resize(mode="linear", rule="half-pixel")
CORNERS = Resize(mode="linear", rule="align-corners")
CUBIC = Resize(mode="cubic", rule="half-pixel", coefficient=-0.75)
DOUBLE = (Axis(before=7, after=14),)
ODD = (Axis(before=7, after=13),)
HALF = (Axis(before=14, after=7),)


@pytest.mark.parametrize(
    ("artifact", "source", "axes"),
    [
        (NEAREST, EXACT, DOUBLE),
        (EXACT, EXACT, ODD),
        (LINEAR, LINEAR, ODD),
        (LINEAR, LINEAR, ()),
        (replace(LINEAR, rule="asymmetric"), LINEAR, (Axis(before=5, after=5),)),
        (CUBIC, CUBIC, HALF),
        (replace(LINEAR, scales=(1.0, 1.0, 1.7)), LINEAR, (Axis(before=5, after=8, scale=1.7),)),
        (replace(LINEAR, scales=(1.0, 2.0, 1.0)), LINEAR, DOUBLE),
    ],
)
def test_the_same_pixels(artifact: Resize, source: Resize, axes: tuple[Axis, ...]):
    assert is_alike(artifact, replace(source, axes=axes))


@pytest.mark.parametrize(
    ("artifact", "source", "axes"),
    [
        (NEAREST, EXACT, ODD),
        (NEAREST, EXACT, HALF),
        (replace(EXACT, rounding="half-down"), EXACT, HALF),
        (CORNERS, LINEAR, DOUBLE),
        (CORNERS, LINEAR, ()),
        (replace(LINEAR, antialias=True), LINEAR, HALF),
        (replace(CUBIC, coefficient=-0.5), CUBIC, DOUBLE),
        (LINEAR, LINEAR, (Axis(before=5, after=8, scale=1.7),)),
    ],
)
def test_other_pixels(artifact: Resize, source: Resize, axes: tuple[Axis, ...]):
    assert not is_alike(artifact, replace(source, axes=axes))


def test_the_difference_names_both_rules_or_the_factor_that_is_lost():
    assert difference(CORNERS, LINEAR) == "resizes linear, align-corners, and the source linear, half-pixel"
    scaled = replace(LINEAR, axes=(Axis(before=5, after=8, scale=1.7),))
    assert difference(LINEAR, scaled) == "resizes by the sizes (8/5), and the source by its factors (1.7)"

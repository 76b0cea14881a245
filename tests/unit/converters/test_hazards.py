"""How hazards read, and which closed axes are worth a word."""

from __future__ import annotations

from edgeproof.converters.hazards import Hazard, HazardCode, closed_dimensions, notes_of
from edgeproof.converters.signature import Signature, TensorSpec


def dropout(place: str) -> Hazard:
    return Hazard(code=HazardCode.TRAINING_MODE, reason="dropout stays on", fix="take it out", places=(place,))


def test_a_note_says_code_reason_place_and_what_to_do():
    assert notes_of([dropout("net.py:3")]) == ("hazard training-mode: dropout stays on, at net.py:3; take it out",)


def test_hazards_that_differ_in_their_places_share_a_note():
    (note,) = notes_of([dropout(f"net.py:{line}") for line in (3, 4, 4, 5, 6)])
    assert "at net.py:3, net.py:4 and 2 more;" in note


def test_without_a_place_none_is_named():
    assert notes_of([dropout("")]) == ("hazard training-mode: dropout stays on; take it out",)


def signature(*shape: int | str) -> Signature:
    return Signature(inputs=(TensorSpec(name="image", dtype="float32", shape=shape),), outputs=())


def test_an_axis_that_the_source_leaves_open_and_artifacts_close_is_named_with_its_option():
    (hazard,) = closed_dimensions(signature(1, 8, 8, 3), [(1, None, None, 3)])
    assert hazard.code is HazardCode.FIXED_DIMENSION
    assert "--dynamic image.1=1..16 --dynamic image.2=1..16" in hazard.fix


def test_an_axis_that_stays_open_is_none():
    assert list(closed_dimensions(signature(1, "height", 8, 3), [(1, None, 8, 3)])) == []

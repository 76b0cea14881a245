"""Models that carry state: what is fed back, on which calls, and what is said of state that nobody named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, UsageError
from edgeproof.converters.feedback import Feedback
from edgeproof.converters.loop import Loop
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.samples import SampleSet, collect
from edgeproof.validators.sequence import (
    check_state,
    feedback_of,
    notes_on_state,
    parse_state,
    with_sequence,
)

Array = np.ndarray[Any, np.dtype[Any]]
SIGNATURE = Signature(
    inputs=(
        TensorSpec(name="x", dtype="float32", shape=(4,)),
        TensorSpec(name="state", dtype="float32", shape=(2,)),
    ),
    outputs=(
        TensorSpec(name="y", dtype="float32", shape=(3,)),
        TensorSpec(name="new", dtype="float32", shape=(2,)),
    ),
)


def call(value: float) -> dict[str, Array]:
    return {"x": np.full(4, value, np.float32), "state": np.full(2, value / 10, np.float32)}


def samples(*values: float) -> SampleSet:
    return collect(SIGNATURE, call(9.0), given=[call(value) for value in values])


def test_the_state_of_the_call_before_takes_the_place_of_the_stored_one():
    loop = Loop(Feedback(start=1, state={"state": "new"}))
    seen = []
    for given in loop.calls([call(1), call(2), call(3), call(4)]):
        seen.append(float(given["state"][0]))
        loop.keep({"y": given["x"], "new": given["state"] + 1})
    assert seen == pytest.approx([0.1, 0.2, 1.2, 2.2])


def test_without_feedback_every_call_stands_for_itself():
    loop = Loop(None)
    assert [given["x"][0] for given in loop.calls([call(1), call(2)])] == [1, 2]


def test_the_sequence_is_the_users_own_calls_in_their_order():
    longer = with_sequence(samples(1, 2, 3), {"state": "new"})
    feedback = feedback_of(longer, {"state": "new"})
    assert feedback is not None
    assert [given["x"][0] for given in longer.calls[feedback.start :]] == [1, 2, 3]
    assert longer.given == 3
    assert longer.sha256 != samples(1, 2, 3).sha256


def test_a_sequence_of_generated_calls_has_one_shape():
    longer = with_sequence(samples(), {"state": "new"})
    assert longer.count > samples().count + 1


def test_calls_that_the_source_refused_move_the_start():
    longer = with_sequence(samples(1, 2), {"state": "new"})
    before = feedback_of(longer, {"state": "new"})
    after = feedback_of(longer.without([4]), {"state": "new"})
    assert before is not None
    assert after is not None
    assert after.start == before.start - 1


def test_one_call_is_no_sequence():
    with pytest.raises(InputError, match="two samples"):
        with_sequence(samples(1), {"state": "new"})


def test_models_without_state_have_no_sequence():
    assert with_sequence(samples(1), {}).count == samples(1).count
    assert feedback_of(samples(1), {}) is None


def test_state_is_named_by_output_and_input():
    assert parse_state(("new=state",)) == {"state": "new"}
    for wrong in ("new", "=state", "new="):
        with pytest.raises(UsageError, match="not understood"):
            parse_state((wrong,))
    with pytest.raises(UsageError, match=r"from 'new' and from 'y'"):
        parse_state(("new=state", "y=state"))


@pytest.mark.parametrize(
    ("state", "said"), [({"state": "gone"}, "has the outputs"), ({"h": "new"}, "inputs"), ({"state": "y"}, r"\[3\]")]
)
def test_what_cannot_be_fed_back_is_refused(state: dict[str, str], said: str):
    with pytest.raises(UsageError, match=said):
        check_state(state, SIGNATURE)


def test_what_looks_like_state_is_pointed_out_until_it_is_named():
    (note,) = notes_on_state(SIGNATURE, {})
    assert "--state new=state" in note
    assert not list(notes_on_state(SIGNATURE, {"state": "new"}))

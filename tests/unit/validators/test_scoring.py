"""A task's score fails an artifact where it falls further than the budget."""

from __future__ import annotations

from edgeproof.converters.quantization.budget import parse_budget
from edgeproof.validators.parity import Cause, Score
from edgeproof.validators.scoring import judge_score

BUDGET = parse_budget("score.py:f1=0.01")


def scored(artifact: float) -> Score:
    return Score(function="score.py:f1", source=0.9, artifact=artifact)


def test_a_score_that_falls_too_far_fails() -> None:
    (finding,), notes = judge_score(BUDGET, scored(0.88))
    assert finding.code is Cause.SCORE
    assert "source 0.9, artifact 0.88" in finding.reason
    assert notes == ()


def test_a_score_that_holds_is_told() -> None:
    for artifact in (0.895, 0.95):
        findings, (note,) = judge_score(BUDGET, scored(artifact))
        assert findings == ()
        assert f"artifact {artifact}" in note


def test_a_score_that_was_not_taken_is_said() -> None:
    findings, (note,) = judge_score(BUDGET, None)
    assert findings == ()
    assert "was not asked here" in note


def test_other_budgets_have_no_score() -> None:
    assert judge_score(None, None) == judge_score(parse_budget("1%"), None) == ((), ())

"""What quantisation costs, and whether a budget allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeproof.converters.errors import UsageError
from edgeproof.converters.quantization.budget import Budget, parse_budget
from edgeproof.converters.quantization.cost import CostMeter, deciding, decisions, worst_noise
from edgeproof.converters.quantization.score import ScoreMeter

Array = np.ndarray[Any, np.dtype[Any]]


def metered(*pairs: tuple[Array, Array]) -> CostMeter:
    meter = CostMeter("scores")
    for reference, actual in pairs:
        meter.add(reference, actual)
    return meter


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("1%", Budget(least_agreement=0.99)),
        ("0.5 %", Budget(least_agreement=0.995)),
        ("0%", Budget(least_agreement=1.0)),
        ("100%", Budget(least_agreement=0.0)),
        ("30dB", Budget(least_sqnr_db=30)),
        (" 12.5 db ", Budget(least_sqnr_db=12.5)),
        ("score.py:f1=0.01", Budget(metric="score.py:f1", largest_fall=0.01)),
        ("my.scores:f1=2", Budget(metric="my.scores:f1", largest_fall=2)),
    ],
)
def test_budgets_are_shares_of_decisions_or_decibels(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    "text",
    ["", "1", "%", "dB", "-1%", "1e3dB", "one %", "30bB", "nan%", "1%2dB", "101%", "1,5%", "score.py:f1", "score.py=1"],
)
def test_what_is_no_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--max-drop") as caught:
        parse_budget(text)
    assert "1%" in caught.value.fix


def test_budgets_read_well() -> None:
    assert str(parse_budget("1%")) == "at least 99 % of decisions kept"
    assert str(parse_budget("30dB")) == "at least 30 dB"


@pytest.mark.parametrize("decibels", [0, 10, 35])
def test_the_ratio_is_that_of_powers_over_all_calls(decibels: int, rng: np.random.Generator) -> None:
    signal = [rng.standard_normal((2, 500)) for _ in range(20)]
    noise = [rng.standard_normal((2, 500)) * 10 ** (-decibels / 20) for _ in range(20)]
    meter = metered(*((one, one + other) for one, other in zip(signal, noise, strict=True)))
    assert meter.result.sqnr_db == pytest.approx(decibels, abs=0.5)


def test_a_loud_call_counts_for_more_than_a_quiet_one() -> None:
    loud, quiet = np.full((1, 4), 100.0), np.full((1, 4), 0.1)
    assert metered((loud, loud), (quiet, quiet * 2)).noise == pytest.approx(1e-6, rel=0.01)


def test_without_a_difference_there_is_no_ratio() -> None:
    values = np.array([[1.0, 2.0]])
    meter = metered((values, values))
    assert meter.noise == 0
    assert meter.result.sqnr_db is None
    assert meter.result.agreement == 1
    assert metered().result.agreement is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_lost_altogether_does_not_look_like_nothing_lost(wrong: float) -> None:
    meter = metered((np.array([[1.0, 2.0]]), np.array([[1.0, wrong]])))
    assert meter.noise == np.inf
    assert meter.result.sqnr_db is not None
    assert meter.result.sqnr_db < 0
    assert worst_noise([meter, metered()]) == worst_noise([metered(), meter]) == np.inf


def test_noise_over_silence_is_lost_too() -> None:
    meter = metered((np.zeros((1, 3)), np.ones((1, 3))))
    assert meter.noise == np.inf
    assert meter.result.sqnr_db is not None


def test_classes_are_decided_by_the_largest_entry() -> None:
    reference = np.array([[0.1, 0.9, 0.0], [5.0, 1.0, 1.0]])
    actual = np.array([[0.4, 0.5, 0.3], [1.0, 2.0, 1.0]])
    assert metered((reference, actual)).result.agreement == 0.5


def test_probabilities_are_decided_at_one_half() -> None:
    reference, actual = np.array([[0.2], [0.6], [0.9], [0.4]]), np.array([[0.3], [0.4], [0.8], [0.1]])
    assert metered((reference, actual)).result.agreement == 0.75
    assert metered((reference[:, 0], actual[:, 0])).result.agreement == 0.75


def test_a_probability_that_left_its_range_is_still_decided() -> None:
    assert metered((np.array([[0.2], [0.9]]), np.array([[-0.1], [1.2]]))).result.agreement == 1


@pytest.mark.parametrize(
    "output",
    [np.ones((1, 3, 8, 8)), np.ones((1, 20, 5)), np.array(0.5), np.array([[3.0]]), np.array([[-0.1]]), np.ones((0, 4))],
    ids=["image", "sequence", "number", "regression", "below zero", "empty"],
)
def test_other_outputs_decide_nothing(output: Array) -> None:
    assert decisions(output) is None
    assert metered((output, output)).result.agreement is None


def test_an_embedding_is_judged_by_its_ratio_and_not_by_decisions_alone(rng: np.random.Generator) -> None:
    embedding = rng.standard_normal((1, 128))
    meter = metered((embedding, embedding * 1.5))
    assert meter.result.sqnr_db == pytest.approx(6.02, abs=0.01)
    assert not parse_budget("10dB").is_met([meter])


def test_a_budget_is_met_when_every_output_meets_it() -> None:
    good = metered((np.array([[1.0, 0.0]]), np.array([[1.001, 0.0]])))
    bad = metered((np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))
    for text in ("40dB", "1%"):
        budget = parse_budget(text)
        assert budget.is_met([good])
        assert not budget.is_met([good, bad])
        assert not budget.is_met([bad])
    assert parse_budget("100%").is_met([bad])


def test_a_budget_of_a_score_looks_at_the_score_alone() -> None:
    budget, bad = parse_budget("score.py:f1=0.02"), metered((np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))
    assert budget.is_met([bad, ScoreMeter("score.py:f1", 0.02)])
    assert not budget.is_met([bad, ScoreMeter("score.py:f1", 0.021)])
    assert not budget.tightened().is_met([ScoreMeter("score.py:f1", 0.011)])
    assert str(budget) == "score.py:f1 at most 0.02 lower"


def test_beside_probabilities_other_numbers_decide_nothing() -> None:
    scores = (np.array([[2.0, -1.0]]), np.array([[-1.0, 2.0]]))
    classes = (np.array([[0.9, 0.1]]), np.array([[0.8, 0.2]]))
    face = (np.array([[0.9]]), np.array([[0.8]]))
    place = metered(scores)
    assert not parse_budget("1%").is_met([place])
    assert deciding([place]) == [place]
    for pair in (classes, face):
        assert parse_budget("1%").is_met([place, metered(pair)])
    lost = metered((classes[0], 1 - classes[0]))
    assert not parse_budget("1%").is_met([place, lost])
    assert deciding([place, lost]) == [lost]


def test_an_output_without_decisions_does_not_break_a_budget_of_decisions() -> None:
    image = np.ones((1, 3, 4, 4))
    assert parse_budget("0%").is_met([metered((image, image * 2))])


def test_an_unchanged_output_meets_every_ratio() -> None:
    values = np.array([[1.0, 2.0]])
    assert parse_budget("200dB").is_met([metered((values, values))])


def test_the_worst_output_counts() -> None:
    values = np.array([[1.0, 2.0]])
    assert worst_noise([metered((values, values)), metered((values, values * 2))]) == pytest.approx(1)
    assert worst_noise([]) == 0


def test_a_meter_does_not_grow() -> None:
    meter = metered(*((np.ones((4, 9)), np.ones((4, 9))) for _ in range(50)))
    assert all(isinstance(value, (int, float, str)) for value in vars(meter).values())

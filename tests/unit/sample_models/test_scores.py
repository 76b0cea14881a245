"""The scores count what they say, and refuse outputs that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.sample_models.catalog import sample
from edgeproof.sample_models.evaluation import evaluate, evaluate_all, read_evaluation, rows
from edgeproof.sample_models.metrics import accuracy, f1, f1_of, mean_absolute_error_of, pair_accuracy


def test_accuracy_is_the_share_of_largest_scores_at_the_label() -> None:
    outputs = {"y": np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], np.float32)}
    assert accuracy(outputs, {"label": np.array([1, 0, 0, 0])}) == 0.75


def test_f1_counts_hits_twice_and_each_mistake_once() -> None:
    outputs = {"y": np.array([[0.9], [0.6], [0.2], [0.1]], np.float32)}
    assert f1(outputs, {"label": np.array([1, 0, 1, 0])}) == 0.5
    assert f1(outputs, {"label": np.array([1, 1, 0, 0])}) == 1.0


def test_f1_of_nothing_positive_is_no_success() -> None:
    assert f1({"y": np.zeros((3, 1))}, {"label": np.zeros(3)}) == 0.0


def test_named_scores_read_their_output_and_its_label() -> None:
    outputs = {"malignant": np.array([[0.9], [0.1]]), "worst_radius": np.array([[10.0], [20.0]])}
    labels = {"label_malignant": np.array([1, 0]), "label_worst_radius": np.array([11.0, 17.0])}
    assert f1_of("malignant")(outputs, labels) == 1.0
    assert mean_absolute_error_of("worst_radius")(outputs, labels) == 2.0


def test_a_pair_is_right_only_when_both_answers_are() -> None:
    outputs = {"same": np.array([0.9, 0.9, 0.1, 0.1]), "sum": np.array([8.2, 8.7, 3.4, 3.0])}
    labels = {"label_same": np.array([1, 1, 0, 1]), "label_sum": np.array([8, 8, 3, 3])}
    assert pair_accuracy(outputs, labels) == 0.5


def test_a_score_for_one_output_refuses_two() -> None:
    with pytest.raises(ValueError, match="one output, got 2: a, b"):
        accuracy({"a": np.zeros((1, 2)), "b": np.zeros((1, 2))}, {"label": np.zeros(1)})


def test_perfect_outputs_score_perfectly_and_shifted_ones_do_not() -> None:
    each = sample("digits_cnn")
    _, labels = read_evaluation(each)
    perfect = [{"scores": np.eye(10)[[label]]} for label in labels["label"]]
    assert evaluate(each, perfect) == 1.0
    assert evaluate(each, perfect[1:] + perfect[:1]) < 0.2


def test_evaluation_wants_outputs_of_every_row() -> None:
    with pytest.raises(ValueError, match="300 evaluation rows, got outputs of 1"):
        evaluate(sample("digits_cnn"), [{"scores": np.zeros((1, 10))}])


def test_every_score_of_a_sample_comes_by_name() -> None:
    each = sample("tumours")
    _, labels = read_evaluation(each)
    outputs = [
        {"malignant": np.array([[m]]), "worst_radius": np.array([[r + 0.5]])}
        for m, r in zip(labels["label_malignant"], labels["label_worst_radius"], strict=True)
    ]
    scores = evaluate_all(each, outputs)
    assert scores["F1 of malignant"] == 1.0
    assert scores["mean absolute error of worst_radius"] == pytest.approx(0.5)


def test_rows_keep_the_batch_axis_and_the_order() -> None:
    calls = list(rows({"x": np.arange(6).reshape(3, 2), "y": np.arange(3)}))
    assert [call["x"].tolist() for call in calls] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert [call["y"].tolist() for call in calls] == [[0], [1], [2]]

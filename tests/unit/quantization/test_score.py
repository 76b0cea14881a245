"""A score of the user's sees the rows of all calls beside their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, SourceError
from edgeproof.converters.quantization.score import Score

LABELS = {"label": np.array([0, 1, 1, 0])}
CALLS = [{"out": np.array([[0.9, 0.1]])}, {"out": np.array([[0.2, 0.8]])}, {"out": np.array([[0.7, 0.3]])}]


def score(folder: Path, body: str) -> Score:
    (folder / "score.py").write_text(f"import numpy as np\ndef of(outputs, labels):\n    {body}\n")
    return Score(function=f"{folder / 'score.py'}:of", labels=LABELS)


def test_rows_of_all_calls_stand_beside_as_many_labels(tmp_path: Path) -> None:
    assert score(tmp_path, "return np.mean(outputs['out'].argmax(-1) == labels['label'])").of(CALLS) == 2 / 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return labels['nothing']", "KeyError"),
        ("return 'good'", "ValueError"),
        ("return None", "TypeError"),
        ("return float('nan')", "gave nan"),
    ],
)
def test_what_is_no_score_is_refused(body: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        score(tmp_path, body).of(CALLS)
    assert caught.value.fix


def test_more_rows_than_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are 6 rows of outputs, and 4 of 'label'"):
        score(tmp_path, "return 1").of([*CALLS, *CALLS])


def test_a_function_that_is_not_there_is_refused() -> None:
    with pytest.raises(SourceError, match="nowhere"):
        Score(function="nowhere.py:of", labels=LABELS).of(CALLS)

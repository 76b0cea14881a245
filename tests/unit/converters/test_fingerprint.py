"""The fingerprint of weights: the same for the same numbers, another for any change, and a refusal to go on."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.converters.errors import SourceError
from edgeproof.converters.fingerprint import fingerprint, require_same

WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(2.5), np.zeros((0, 4), np.int64)]


def test_the_same_weights_have_the_same_fingerprint() -> None:
    assert fingerprint(WEIGHTS) == fingerprint(array.copy() for array in WEIGHTS)


def test_layout_in_memory_does_not_matter() -> None:
    assert fingerprint([np.asfortranarray(WEIGHTS[0])]) == fingerprint([WEIGHTS[0]])


@pytest.mark.parametrize(
    "other",
    [
        [WEIGHTS[0] + np.float32(1e-6), *WEIGHTS[1:]],
        [WEIGHTS[0].reshape(3, 2), *WEIGHTS[1:]],
        [WEIGHTS[0].view(np.int32), *WEIGHTS[1:]],
        [WEIGHTS[1], WEIGHTS[0], WEIGHTS[2]],
        WEIGHTS[:2],
    ],
    ids=["a value", "a shape", "a dtype", "the order", "one less"],
)
def test_any_change_gives_another(other: list[np.ndarray]) -> None:
    assert fingerprint(other) != fingerprint(WEIGHTS)


def test_other_weights_are_refused_with_a_way_out() -> None:
    require_same("a", "a")
    with pytest.raises(SourceError, match="other weights than the first time") as caught:
        require_same("a", "b")
    assert "trained weights" in caught.value.fix

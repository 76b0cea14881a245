"""Calls are written one after another, whole or not at all, whoever else writes the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.tensors import Call, read_calls, write_calls


def _calls(value: float) -> Iterator[Call]:
    for _ in range(3):
        yield {"image": np.full((1, 2), value, dtype=np.float32)}


def test_calls_come_back_in_their_order(tmp_path: Path):
    place = tmp_path / "samples.npz"
    assert write_calls(place, ({"image": np.array([number])} for number in range(12))) == 12
    assert [int(call["image"][0]) for call in read_calls(place)] == list(range(12))


def test_two_that_write_the_same_file_at_once_do_not_meet(tmp_path: Path):
    place = tmp_path / "samples.npz"

    def interrupted() -> Iterator[Call]:
        yield from _calls(1.0)
        write_calls(place, _calls(2.0))

    write_calls(place, interrupted())
    assert [float(call["image"][0, 0]) for call in read_calls(place)] == [1.0] * 3
    assert list(tmp_path.iterdir()) == [place]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path):
    place = tmp_path / "samples.npz"
    write_calls(place, _calls(1.0))

    def broken() -> Iterator[Call]:
        yield from _calls(2.0)
        raise ValueError("the model gave no more")

    with pytest.raises(ValueError, match="no more"):
        write_calls(place, broken())
    assert [float(call["image"][0, 0]) for call in read_calls(place)] == [1.0] * 3
    assert list(tmp_path.iterdir()) == [place]

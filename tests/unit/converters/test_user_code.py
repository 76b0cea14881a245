"""Calling the user's functions: arguments, errors in the user's words, and the same random numbers every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.converters.errors import SourceError
from edgeproof.converters.user_code import call_factory

CODE = """
import random
import numpy as np

FIRST = random.random()

def draw():
    return FIRST, random.random(), np.random.rand(), np.random.default_rng(5).random()

def echo(width, name="x"):
    return width, name

def broken():
    return 1 / 0
"""


@pytest.fixture
def code(tmp_path: Path) -> str:
    file = tmp_path / "model.py"
    file.write_text(CODE)
    return str(file)


def test_arguments_are_read_as_python_values_where_they_are_some(code: str) -> None:
    assert call_factory(f"{code}:echo", {"width": "[1, 2]", "name": "big"}) == ([1, 2], "big")


def test_the_random_numbers_are_the_same_at_every_call(code: str) -> None:
    assert call_factory(f"{code}:draw", {}) == call_factory(f"{code}:draw", {})


def test_an_error_shows_the_users_own_lines(code: str) -> None:
    with pytest.raises(SourceError, match="ZeroDivisionError") as caught:
        call_factory(f"{code}:broken", {})
    assert "return 1 / 0" in caught.value.message


def test_a_missing_argument_names_the_option(code: str) -> None:
    with pytest.raises(SourceError, match="width") as caught:
        call_factory(f"{code}:echo", {})
    assert "--model-arg" in caught.value.fix


def test_a_misspelt_function_is_answered_with_the_nearest(code: str) -> None:
    with pytest.raises(SourceError, match="no function 'brokn'; it has broken, draw, echo") as caught:
        call_factory(f"{code}:brokn", {})
    assert caught.value.fix.endswith("model.py:broken")

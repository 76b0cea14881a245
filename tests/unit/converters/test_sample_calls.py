"""Calls from the user's own code: what a function may give, what it may make of files, and every refusal in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, SourceError
from edgeproof.converters.sample_calls import calls_from_files, calls_from_function, sample_files
from edgeproof.converters.signature import Signature, TensorSpec

ONE = Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=(2,)),), outputs=())
TWO = Signature(inputs=(*ONE.inputs, TensorSpec(name="y", dtype="int64", shape=(1,))), outputs=())
CODE = """
import numpy as np
import random
from pathlib import Path

FIRST = []

class Tensor:
    def __array__(self, dtype=None, copy=None):
        return np.ones(2, np.float32)

class Refusing:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("it lies on another device")

class Indexed:
    def __getitem__(self, index):
        if index == 2:
            raise IndexError
        return np.full(2, index, np.float32)

def arrays():
    yield np.zeros(2, np.float32)
    yield np.ones(2, np.float32)

def mappings():
    return [{"y": [3], "x": np.zeros(2)}, {"x": np.ones(2), "y": [4]}]

def tuples():
    return ((np.zeros(2), np.array([3])), (np.ones(2), np.array([4])))

def tensors():
    return [Tensor()]

def dataset():
    return Indexed()

def nothing():
    return iter(())

def none():
    return None

def mapping():
    return {"x": np.zeros((5, 2))}

def breaks():
    yield np.zeros(2)
    raise ValueError("the archive ends here")

def other_names():
    yield {"image": np.zeros(2)}

def with_labels():
    yield np.zeros(2), 7

def words():
    yield "cat"

def empty_call():
    yield None

def ragged():
    yield [[1, 2], [3]],

def refused():
    yield Refusing()

def load(path):
    FIRST.append(path)
    return np.full(2, float(Path(path).read_text()), np.float32)

def both(path):
    return {"y": [random.randrange(10**9)], "x": load(path)}
"""


@pytest.fixture
def code(tmp_path: Path) -> str:
    file = tmp_path / "own.py"
    file.write_text(CODE)
    return str(file)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    folder = tmp_path / "numbers"
    folder.mkdir()
    for name, text in {"b.txt": "2", "a.txt": "1", "c.dat": "3", ".hidden": "x"}.items():
        (folder / name).write_text(text)
    (folder / "below").mkdir()
    return folder


@pytest.mark.parametrize(("function", "signature"), [("arrays", ONE), ("mappings", TWO), ("tuples", TWO)])
def test_a_function_gives_arrays_mappings_or_tuples(code: str, function: str, signature: Signature) -> None:
    calls = list(calls_from_function(f"{code}:{function}", signature))
    assert [list(call) for call in calls] == [[spec.name for spec in signature.inputs]] * 2
    assert [call["x"].tolist() for call in calls] == [[0, 0], [1, 1]]
    assert all(call["y"].tolist() == [3 + index] for index, call in enumerate(calls) if "y" in call)


@pytest.mark.parametrize(("function", "count"), [("tensors", 1), ("dataset", 2)])
def test_what_becomes_an_array_and_what_can_be_indexed_is_taken(code: str, function: str, count: int) -> None:
    assert len(list(calls_from_function(f"{code}:{function}", ONE))) == count


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("nothing", "gave no samples"),
        ("none", "returned a NoneType"),
        ("mapping", "returned a dict"),
        ("breaks", "raised ValueError after 1 samples: the archive ends here"),
        ("other_names", r"sample 0 of .*:other_names has the inputs \['image'\], the model takes \['x'\]"),
        ("with_labels", r"has 2 inputs, the model takes 1: \['x'\]"),
        ("words", "'x' is a str, not an array"),
        ("empty_call", "'x' is a NoneType, not an array"),
        ("ragged", "'x' does not become an array"),
        ("refused", "it lies on another device"),
    ],
)
def test_what_is_no_call_is_refused_in_words(code: str, function: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        list(calls_from_function(f"{code}:{function}", ONE))
    assert caught.value.fix


def test_an_error_on_the_way_shows_the_users_own_line(code: str) -> None:
    with pytest.raises(InputError, match="the archive ends here") as caught:
        list(calls_from_function(f"{code}:breaks", ONE))
    assert 'raise ValueError("the archive ends here")' in caught.value.message


def test_every_file_of_a_folder_becomes_a_call_by_name(code: str, numbers: Path) -> None:
    files = sample_files(numbers)
    assert [file.name for file in files] == ["a.txt", "b.txt", "c.dat"]
    calls = list(calls_from_files(files, f"{code}:load", ONE))
    assert [call["x"][0] for call in calls] == [1, 2, 3]


def test_one_file_is_one_call(code: str, numbers: Path) -> None:
    files = sample_files(numbers / "c.dat")
    assert [call["x"][0] for call in calls_from_files(files, f"{code}:load", ONE)] == [3]


def test_what_the_function_draws_is_the_same_every_time(code: str, numbers: Path) -> None:
    first, second = ([*calls_from_files(sample_files(numbers), f"{code}:both", TWO)] for _ in range(2))
    assert [call["y"].tolist() for call in first] == [call["y"].tolist() for call in second]


def test_a_file_that_the_function_does_not_read_is_named(code: str, numbers: Path) -> None:
    (numbers / "b.txt").write_text("two")
    with pytest.raises(InputError, match=r"own.py:load raised ValueError for .*b\.txt: could not convert") as caught:
        list(calls_from_files(sample_files(numbers), f"{code}:load", ONE))
    assert "Path(path).read_text()" in caught.value.message


def test_what_is_made_of_a_file_is_refused_with_its_name(code: str, numbers: Path) -> None:
    with pytest.raises(InputError, match=r"what .*:load makes of .*a\.txt has 1 inputs, the model takes 2"):
        list(calls_from_files(sample_files(numbers), f"{code}:load", TWO))


def test_a_function_that_is_not_there_is_refused(code: str, numbers: Path) -> None:
    with pytest.raises(SourceError, match="has no function 'lood'"):
        list(calls_from_files(sample_files(numbers), f"{code}:lood", ONE))


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no files"):
        sample_files(tmp_path / "empty")
    with pytest.raises(InputError, match="does not exist"):
        sample_files(tmp_path / "gone")


def test_arrays_keep_their_dtype_for_who_judges_them(code: str) -> None:
    (call, _) = calls_from_function(f"{code}:mappings", TWO)
    assert call["x"].dtype == np.float64

"""Example inputs from `--input` texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import InputError, SourceError
from edgeproof.converters.example_inputs import inputs_from


def test_a_spec_gives_a_named_array_of_its_shape_and_dtype() -> None:
    inputs = inputs_from(["image:float32[1,3,8,8]", "mask:bool[1,8]"])
    assert [(name, array.dtype.name, array.shape) for name, array in inputs.items()] == [
        ("image", "float32", (1, 3, 8, 8)),
        ("mask", "bool", (1, 8)),
    ]


def test_the_same_spec_gives_the_same_values() -> None:
    first, second = (inputs_from(["x:float32[4]"])["x"] for _ in range(2))
    assert np.array_equal(first, second)


def test_integers_stay_within_their_bounds() -> None:
    values = inputs_from(["ids:int64[1000]{5..9}"])["ids"]
    assert set(values.tolist()) == {5, 6, 7, 8, 9}
    assert set(inputs_from(["flags:int32[100]"])["flags"].tolist()) == {0, 1}


def test_a_spec_without_a_name_goes_by_its_position() -> None:
    assert list(inputs_from(["float32[1]", "float32[2]"])) == ["input_0", "input_1"]


def test_an_npz_gives_its_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones(3, np.float32))
    assert inputs_from([str(tmp_path / "x.npz")])["a"].tolist() == [1, 1, 1]


def test_an_npz_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="plain arrays"):
        inputs_from([str(tmp_path / "x.npz")])


def test_a_function_gives_what_it_returns(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("def inputs():\n    return [1, 2]\n")
    assert inputs_from([f"{tmp_path / 'real.py'}:inputs"]) == [1, 2]


def test_a_function_that_raises_shows_the_user_s_own_line(tmp_path: Path) -> None:
    (tmp_path / "real2.py").write_text("def inputs():\n    return {}['gone']\n")
    with pytest.raises(SourceError) as caught:
        inputs_from([f"{tmp_path / 'real2.py'}:inputs"])
    assert "real2.py" in caught.value.message
    assert "{}['gone']" in caught.value.message
    assert "user_code.py" not in caught.value.message


@pytest.mark.parametrize("text", ["image:float33[1]", "x:complex64[1]"])
def test_a_dtype_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        inputs_from([text])
    assert "float" in caught.value.fix


@pytest.mark.parametrize("texts", [["nonsense"], ["x:float32[1]", "y.npz"]])
def test_what_is_not_understood_is_said(texts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        inputs_from(texts)
    assert caught.value.fix


def test_a_missing_npz_is_said() -> None:
    with pytest.raises(InputError, match="does not exist"):
        inputs_from(["gone.npz"])

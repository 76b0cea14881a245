"""Recipes on disk: what is written is read again, and what is no recipe is refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeproof.converters.errors import UsageError
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.files import SUFFIX, StoredWeights, read_recipe, write_recipe
from edgeproof.converters.quantization.recipe import (
    CalibrationRecord,
    Compute,
    Granularity,
    LayerRecipe,
    OutputCost,
    Recipe,
    TensorRecipe,
)

CONVOLUTION = LayerRecipe(
    name="conv2d", operator="conv2d", module="body.0", macs=1000, weights=27, axis=0, compute=Compute.INT8, sqnr_db=41.5
)
HEAD = LayerRecipe(
    name="linear", operator="linear", module="head", macs=50, weights=10, axis=0, compute=Compute.FP32,
    granularity=Granularity.PER_TENSOR, reason="left in float for the budget",
)  # fmt: skip
FULL = Recipe(
    precision=Precision.INT8,
    source="net",
    program="ab" * 32,
    layers=(CONVOLUTION, HEAD),
    tensors=(
        TensorRecipe(name="x", computed_by="", low=-1, high=1, scale=0.1, zero_point=3, observer="mse"),
        TensorRecipe(name="relu", computed_by="conv2d", low=0, high=2, scale=0.2, zero_point=-128, observer="min-max"),
    ),
    calibration=CalibrationRecord(calls=64, sha256="cd" * 32, held_out=16),
    budget="1%",
    cost=(OutputCost(name="scores", sqnr_db=33.25, agreement=0.995, step=0.25), OutputCost(name="box", sqnr_db=None)),
    notes=("a note",),
)
WEIGHTS = StoredWeights(
    integers={"conv2d": np.arange(-4, 4, dtype=np.int8).reshape(2, 4)},
    scales={"conv2d": np.array([0.5, 0.25], np.float32)},
    divisors={"layer_norm": np.array([1.5, 2.5], np.float32)},
)


def written(folder: Path, recipe: Recipe = FULL) -> Path:
    path = folder / f"net.int8{SUFFIX}"
    write_recipe(recipe, WEIGHTS, path)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    recipe, stored = read_recipe(written(tmp_path))
    assert recipe == FULL
    for kind in ("integers", "scales", "divisors"):
        found, expected = getattr(stored, kind), getattr(WEIGHTS, kind)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
        assert all(found[name].dtype == expected[name].dtype for name in expected)


def test_the_same_recipe_is_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = written(tmp_path / "a"), written(tmp_path / "b")
    assert one.read_bytes() == other.read_bytes()
    assert one.with_suffix(".npz").read_bytes() == other.with_suffix(".npz").read_bytes()


def test_the_json_is_for_people_to_read_and_compare(tmp_path: Path) -> None:
    text = written(tmp_path).read_text()
    assert json.loads(text)["layers"][0]["compute"] == "int8"
    assert '"compute": "fp32"' in text
    assert text.endswith("}\n")


def test_what_a_recipe_says_of_its_parts() -> None:
    assert FULL.by_layer["linear"] is HEAD
    assert FULL.by_tensor["x"].scale == 0.1
    assert FULL.integer_operators == {"conv2d"}
    assert FULL.steps == {"scores": 0.25}
    assert FULL.macs(Compute.INT8) == 1000
    assert FULL.macs(Compute.INT8, Compute.FP32) == 1050


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'{"schema": 1}', b"\xff\xfe", b"PK\x03\x04",
        b'{"schema":1,"precision":"int7","source":"a","program":"b","layers":[]}',
        b'{"schema":1,"precision":"int8","source":"a","program":"b","layers":[{"name":"x"}]}',
    ],
)  # fmt: skip
def test_json_that_is_no_recipe_is_refused(content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read as a recipe") as caught:
        read_recipe(path)
    assert "edgeproof convert" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"no zip", b"\x93NUMPY"])
def test_weights_that_are_damaged_are_refused(content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.with_suffix(".npz").write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read as a recipe"):
        read_recipe(path)


def test_weights_that_are_cut_off_or_changed_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.with_suffix(".npz").read_bytes()
    for tenth in range(10):
        path.with_suffix(".npz").write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(UsageError):
            read_recipe(path)
    place = whole.index(WEIGHTS.integers["conv2d"].tobytes())
    path.with_suffix(".npz").write_bytes(whole[:place] + b"\x55" + whole[place + 1 :])
    with pytest.raises(UsageError):
        read_recipe(path)


def test_pickled_weights_are_not_unpickled(tmp_path: Path) -> None:
    path = written(tmp_path)
    np.savez(path.with_suffix(".npz"), **{"integers/conv2d": np.array([{"a": 1}], dtype=object)})  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        read_recipe(path)


def test_a_missing_half_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.with_suffix(".npz").unlink()
    with pytest.raises(UsageError, match="npz does not exist"):
        read_recipe(path)
    with pytest.raises(UsageError, match="No such file"):
        read_recipe(tmp_path / "gone.recipe.json")


def test_another_schema_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="schema 2, and 1 can be read"):
        read_recipe(written(tmp_path, replace(FULL, schema=2)))


def test_another_schema_is_named_though_its_fields_are_unknown(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text('{"schema": 7, "model": {}}')
    with pytest.raises(UsageError, match="schema 7, and 1 can be read"):
        read_recipe(path)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.cli.main import run
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.files import StoredWeights, write_recipe
from edgeproof.converters.quantization.recipe import CalibrationRecord, Compute, LayerRecipe, OutputCost, Recipe

LAYER = LayerRecipe(
    name="conv2d", operator="conv2d", module="stem", macs=900, weights=9, axis=0, compute=Compute.INT8, sqnr_db=20.0
)
RECIPE = Recipe(
    precision=Precision.INT8,
    source="net",
    program="0" * 64,
    layers=(
        LAYER,
        replace(
            LAYER, name="linear", operator="linear", module="head", macs=100, compute=Compute.FP32, reason="costly"
        ),
    ),
    calibration=CalibrationRecord(calls=64, sha256="1" * 64, held_out=16),
    budget="1%",
    cost=(OutputCost(name="scores", sqnr_db=31.25, agreement=0.995),),
)


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = tmp_path / "net.int8.recipe.json"
    write_recipe(RECIPE, StoredWeights(), path)
    assert run(["recipe", str(path)]) == 0
    return capsys.readouterr().out


def test_every_layer_has_its_share_of_the_work_and_what_it_computes_in(shown: str) -> None:
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "90.0 %" in lines["stem"]
    assert " int8" in lines["stem"]
    assert "10.0 %" in lines["head"]
    assert "fp32" in lines["head"]
    assert "costly" in lines["head"]


def test_layers_of_one_module_are_told_by_their_own_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.int8.recipe.json"
    same = tuple(replace(layer, module="module") for layer in RECIPE.layers)
    write_recipe(replace(RECIPE, layers=same), StoredWeights(), path)
    assert run(["recipe", str(path)]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[1:3]} == {"conv2d", "linear"}


def test_noise_is_drawn_longer_where_there_is_more(shown: str) -> None:
    assert "20.0 dB  " + "\N{FULL BLOCK}" * 18 + " " in shown


def test_the_summary_says_what_it_cost_and_on_what(shown: str) -> None:
    assert "64 calibration calls, 16 of them held out" in shown
    assert "scores keeps 31.2 dB and 99.5 % of its decisions, budget 1%" in shown


def test_what_is_no_recipe_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    assert run(["recipe", str(path)]) == 2
    assert "fix:" in capsys.readouterr().err

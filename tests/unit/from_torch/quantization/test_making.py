"""Making a quantisation: held-out calls, candidates, budgets, and the same bytes for the same calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from calibrated_programs import calls_like, decibels, program_of, read_again, run, wish
from torch import nn
from torch.export import ExportedProgram

from edgeproof.converters.errors import QuantizationError, UsageError
from edgeproof.converters.from_torch.quantization.making import make
from edgeproof.converters.from_torch.quantization.prepare import fingerprint_of
from edgeproof.converters.from_torch.quantization.quantization import (
    Quantization,
    read_quantization,
    require_fit,
)
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.files import StoredWeights, write_recipe
from edgeproof.converters.quantization.recipe import Compute

pytestmark = pytest.mark.torch
F = nn.functional
IMAGE = torch.randn(1, 3, 12, 12)
TEXT = torch.tensor([[1, 7, 49]])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these take longer on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def classifier(seed: int = 0) -> ExportedProgram:
    torch.manual_seed(seed)
    parts = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8), nn.Linear(8, 5)]
    return program_of(lambda a, b, c, d, x: d(c(b(a(x)).relu()).relu().mean((2, 3))), parts, IMAGE)


def attention_like() -> ExportedProgram:
    norm = nn.LayerNorm(32)
    with torch.no_grad():
        norm.weight[0] = 80
    return program_of(lambda a, b, x: b(F.gelu(a(x))), [norm, nn.Linear(32, 16)], torch.randn(10, 32))


def made_of(program: ExportedProgram, *inputs: torch.Tensor, count: int = 16, **options: Any) -> Quantization:
    return make(program, read_again(calls_like(*inputs, count=count)), wish(**options))


@pytest.mark.parametrize(
    ("count", "held_out", "fitting", "judging"),
    [(1, 0, 1, 1), (7, 0, 7, 7), (8, 2, 6, 2), (17, 4, 13, 4), (64, 16, 48, 16)],
)
def test_a_quarter_is_held_out_where_there_are_enough(count: int, held_out: int, fitting: int, judging: int) -> None:
    calls = read_again(calls_like(IMAGE, count=count))
    assert calls.held_out == held_out
    assert (len(list(calls.fitting())), len(list(calls.judging()))) == (fitting, judging)


def test_no_call_is_both_fitted_to_and_judged_on() -> None:
    calls = read_again([(torch.tensor([float(index)]),) for index in range(40)])
    fitting = {float(call[0]) for call in calls.fitting()}
    judging = {float(call[0]) for call in calls.judging()}
    assert fitting.isdisjoint(judging)
    assert len(fitting | judging) == 40
    assert {int(value) // 10 for value in judging} == {0, 1, 2, 3}  # from all parts of the file


def test_what_is_made_says_what_it_comes_from_and_what_it_costs() -> None:
    program = classifier()
    recipe = made_of(program, IMAGE).recipe
    assert recipe.program == fingerprint_of(program)
    assert recipe.calibration is not None
    assert (recipe.calibration.calls, recipe.calibration.held_out, recipe.calibration.sha256) == (16, 4, "0" * 64)
    (cost,) = recipe.cost
    assert cost.sqnr_db is not None
    assert cost.sqnr_db > 20
    assert cost.agreement is not None
    assert recipe.budget is None


def test_the_cost_is_that_of_the_calls_held_out() -> None:
    program = classifier()
    calls = read_again(calls_like(IMAGE, count=16))
    made = make(program, calls, wish())
    simulated = made.quantized(program)
    judged = list(calls.judging())
    before = torch.cat([run(program, call)[0] for call in judged])
    after = torch.cat([run(simulated, call)[0] for call in judged])
    assert made.recipe.cost[0].sqnr_db == pytest.approx(decibels(before, after), abs=0.01)


@pytest.mark.parametrize("build", [classifier, attention_like])
def test_the_same_calls_make_the_same_bytes(build: Callable[[], ExportedProgram], tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.recipe.json" for number in range(2)]
    for path in paths:
        torch.manual_seed(1)
        program = build()
        x = torch.randn(10, 32) if build is attention_like else IMAGE
        made = made_of(program, x)
        write_recipe(made.recipe, made.stored(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].with_suffix(".npz").read_bytes() == paths[1].with_suffix(".npz").read_bytes()


def test_what_is_read_again_makes_the_same_program(tmp_path: Path) -> None:
    program = attention_like()
    made = made_of(program, torch.randn(10, 32))
    path = tmp_path / "net.recipe.json"
    write_recipe(made.recipe, made.stored(), path)
    again = read_quantization(path)
    x = torch.randn(10, 32)
    assert torch.equal(run(made.quantized(program), (x,))[0], run(again.quantized(program), (x,))[0])


def test_weights_are_rounded_on_what_the_layers_met() -> None:
    made = made_of(classifier(), IMAGE)
    assert made.weights.keys() == made.recipe.by_layer.keys()
    assert all(weights.integers.dtype is torch.int8 for weights in made.weights.values())


def test_a_float_tensor_with_an_outlier_channel_is_divided_where_that_pays() -> None:
    program = attention_like()
    made = made_of(program, torch.randn(10, 32), precision=Precision.INT8_DYNAMIC)
    assert made.divisors
    assert made_of(program, torch.randn(10, 32), precision=Precision.INT8_WEIGHTS).divisors == {}


def test_what_is_in_integers_already_is_not_divided() -> None:
    made = made_of(classifier(), IMAGE)
    assert made.divisors.keys().isdisjoint(made.recipe.by_tensor)


def test_weights_and_dynamic_need_no_calls() -> None:
    for precision in (Precision.INT8_WEIGHTS, Precision.INT8_DYNAMIC):
        made = make(classifier(), None, wish(precision))
        assert made.recipe.calibration is None
        assert made.recipe.tensors == ()
        assert all(layer.compute is not Compute.FP32 for layer in made.recipe.layers)


def test_a_model_with_nothing_to_quantise_is_refused() -> None:
    program = program_of(lambda x: x.sin(), [], torch.randn(3))
    with pytest.raises(QuantizationError, match="no convolution") as caught:
        make(program, None, wish(Precision.INT8_WEIGHTS))
    assert caught.value.fix == "convert it in fp32"


def test_a_model_of_integers_alone_is_calibrated_too() -> None:
    program = program_of(lambda table, head, ids: head(table(ids)).relu(), [nn.Embedding(50, 8), nn.Linear(8, 3)], TEXT)
    made = made_of(program, TEXT)
    assert [layer.operator for layer in made.recipe.layers] == ["embedding", "linear"]


def nan_in_between(a: nn.Module, b: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return b(a(x).log())


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT8_DYNAMIC])
def test_nan_in_the_middle_of_a_model_is_named(precision: Precision) -> None:
    program = program_of(nan_in_between, [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)], IMAGE)
    with pytest.raises(QuantizationError, match="NaN or infinity at log") as caught:
        made_of(program, IMAGE, precision=precision)
    assert "division by zero" in caught.value.fix


def test_infinity_that_no_layer_reads_does_no_harm() -> None:
    def masked(a: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return F.softmax(a(x).masked_fill(x[:, :1, :, :] > 0, float("-inf")), dim=1).nan_to_num()

    program = program_of(masked, [nn.Conv2d(3, 4, 1)], IMAGE)
    assert made_of(program, IMAGE).recipe.cost[0].sqnr_db is not None


def test_a_dead_tensor_is_no_obstacle() -> None:
    def dead(a: nn.Module, b: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return b((a(x) - 1000).relu())

    program = program_of(dead, [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)], IMAGE)
    made = made_of(program, IMAGE)
    assert made.recipe.by_tensor["relu"].scale == pytest.approx(1 / 255)


def test_another_weight_or_another_operator_is_another_program() -> None:
    program = classifier()
    assert fingerprint_of(program) == fingerprint_of(classifier())
    assert fingerprint_of(program) != fingerprint_of(classifier(seed=1))
    with_gelu = program_of(lambda one, x: F.gelu(one(x)), [nn.Linear(3, 3)], torch.randn(1, 3))
    assert fingerprint_of(program) != fingerprint_of(with_gelu)


def test_one_changed_weight_is_another_program() -> None:
    parts = [nn.Linear(3, 3)]
    before = fingerprint_of(program_of(lambda one, x: one(x), parts, torch.randn(1, 3)))
    with torch.no_grad():
        parts[0].weight[0, 0] += 1e-6
    assert fingerprint_of(program_of(lambda one, x: one(x), parts, torch.randn(1, 3))) != before


def test_a_recipe_of_another_model_is_refused() -> None:
    recipe = made_of(classifier(), IMAGE).recipe
    require_fit(recipe, classifier())
    with pytest.raises(UsageError, match=r"another model \(net\)") as caught:
        require_fit(recipe, classifier(seed=1))
    assert "--calibration" in caught.value.fix


def test_weights_of_another_recipe_are_refused(tmp_path: Path) -> None:
    made = made_of(classifier(), IMAGE)
    path = tmp_path / "net.recipe.json"
    stored = made.stored()
    strange = {f"{name}_of_another": array for name, array in stored.integers.items()}
    for wrong in (
        replace(stored, scales={}),
        replace(stored, integers=strange, scales=dict.fromkeys(strange, stored.scales["conv2d"])),
    ):
        write_recipe(made.recipe, wrong, path)
        with pytest.raises(UsageError, match="do not belong together"):
            read_quantization(path)
    write_recipe(made.recipe, StoredWeights(), path)
    assert read_quantization(path).weights == {}

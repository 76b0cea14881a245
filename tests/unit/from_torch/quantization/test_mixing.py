"""Budgets: the layers that lose most stay in float, as few as are needed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from calibrated_programs import calls_like, program_of, read_again, run, wish
from torch import nn
from torch.export import ExportedProgram

from edgeproof.converters.errors import QuantizationError
from edgeproof.converters.from_torch.quantization.making import make
from edgeproof.converters.from_torch.quantization.mixing import BUDGET_REASON, STORED_REASON, within_budget
from edgeproof.converters.from_torch.quantization.quantization import Quantization
from edgeproof.converters.from_torch.quantization.trial import Trial, runner_of, with_real_weights
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.budget import parse_budget
from edgeproof.converters.quantization.files import write_recipe
from edgeproof.converters.quantization.recipe import Compute

pytestmark = pytest.mark.torch
IMAGE = torch.randn(1, 4, 10, 10)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these take longer on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def delicate() -> nn.Conv2d:
    """A layer whose weights 8 bits spoil: in each channel one weight that meets next to nothing dwarfs the rest."""
    layer = nn.Conv2d(5, 5, 3, padding=1)
    with torch.no_grad():
        layer.weight[:, 4] *= 300
    return layer


def with_a_quiet_channel(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.full_like(x[:, :1], 1e-5)], 1)


def planted() -> ExportedProgram:
    torch.manual_seed(0)
    parts = [nn.Conv2d(4, 4, 3, padding=1), delicate(), nn.Conv2d(5, 5, 3, padding=1)]
    for part in parts:
        assert isinstance(part.bias, torch.Tensor)
        nn.init.zeros_(part.bias)
    return program_of(lambda a, b, c, x: c(b(with_a_quiet_channel(a(x).relu())).relu()), parts, IMAGE)


def made_within(budget: str | None, program: ExportedProgram | None = None, **options: Precision) -> Quantization:
    calls = read_again(calls_like(IMAGE, count=16))
    return make(program or planted(), calls, wish(**options, budget=budget))


IN_FLOAT = (Compute.FP32, Compute.INT8_WEIGHTS)


def in_float(made: Quantization) -> list[str]:
    return [layer.name for layer in made.recipe.layers if layer.compute is Compute.FP32]


def test_the_planted_layer_is_the_one_that_is_left_in_float() -> None:
    plain = made_within(None)
    assert plain.recipe.cost[0].sqnr_db is not None
    assert plain.recipe.cost[0].sqnr_db < 20
    made = made_within("25dB")
    assert in_float(made) == ["conv2d_1"]
    assert made.recipe.by_layer["conv2d_1"].reason == BUDGET_REASON
    assert made.recipe.cost[0].sqnr_db is not None
    assert made.recipe.cost[0].sqnr_db >= 25
    assert made.recipe.budget == "25dB"


def test_every_layer_says_what_it_costs_alone() -> None:
    layers = made_within("25dB").recipe.by_layer
    ratios = {name: layer.sqnr_db for name, layer in layers.items()}
    assert all(ratio is not None for ratio in ratios.values())
    assert min(ratios, key=lambda name: ratios[name] or 0) == "conv2d_1"


def test_a_budget_that_is_met_anyway_changes_nothing() -> None:
    plain, made = made_within(None), made_within("1dB")
    assert in_float(made) == []
    assert made.recipe.tensors == plain.recipe.tensors
    assert made.recipe.cost == plain.recipe.cost


def test_a_tighter_budget_leaves_more_in_float() -> None:
    looser, tighter = (made_within(budget).recipe.macs(*IN_FLOAT) for budget in ("25dB", "35dB"))
    assert tighter > looser > 0


def test_what_computes_in_float_keeps_8_bit_weights_where_the_budget_allows() -> None:
    layers = made_within("35dB").recipe.layers
    stored = [layer for layer in layers if layer.compute is Compute.INT8_WEIGHTS]
    assert stored
    assert {layer.reason for layer in stored} == {STORED_REASON}
    assert made_within("35dB").recipe.cost[0].sqnr_db >= 35  # type: ignore[operator] # something was lost


def test_scales_of_what_stays_in_integers_are_kept() -> None:
    plain, made = made_within(None).recipe.by_tensor, made_within("25dB").recipe.by_tensor
    assert made.keys() <= plain.keys()
    assert all(made[name].scale == plain[name].scale for name in made)


def test_a_budget_that_cannot_be_met_names_the_best_there_is() -> None:
    def spoiled(a: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return a(x)

    program = program_of(spoiled, [nn.Conv2d(4, 4, 3)], IMAGE)
    # Everything in float loses nothing; so a trial is used whose reference is another model's.
    made = made_within(None, program)
    other = program_of(spoiled, [nn.Conv2d(4, 4, 3)], IMAGE)
    trial = Trial(other, calls_like(IMAGE, count=4), ["scores"])
    with pytest.raises(QuantizationError, match="at least 30 dB cannot be met") as caught:
        within_budget(program, made, trial, parse_budget("30dB"))
    assert re.search(r"scores -?\d+\.\d dB", caught.value.message)
    assert "fp32" in caught.value.fix


def test_a_budget_that_leaves_nothing_in_integers_is_refused() -> None:
    with pytest.raises(
        QuantizationError, match=r"at least 70 dB leaves no layer in 8 bits: .* keep out_0 1[89]"
    ) as caught:
        made_within("70dB")
    assert "fp32" in caught.value.fix


def test_decisions_are_kept_as_the_budget_asks() -> None:
    def classify(a: nn.Module, b: nn.Module, c: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return c(b(with_a_quiet_channel(a(x).relu())).relu()).mean((2, 3))

    torch.manual_seed(0)
    program = program_of(classify, [nn.Conv2d(4, 4, 3), delicate(), nn.Conv2d(5, 5, 3)], IMAGE)
    made = make(program, read_again(calls_like(IMAGE, count=64)), wish(budget="0%"))
    assert made.recipe.cost[0].agreement == 1.0
    assert len(in_float(made)) < 3


@pytest.mark.parametrize("precision", [Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS])
def test_budgets_work_without_scales_too(precision: Precision) -> None:
    assert in_float(made_within("25dB", precision=precision)) == ["conv2d_1"]


def test_the_same_calls_and_budget_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{number}.recipe.json" for number in range(2)]
    for path, slowness in zip(paths, (1e-6, 40), strict=True):
        clock = itertools.count(0, slowness)
        monkeypatch.setattr("time.monotonic", lambda clock=clock: next(clock))
        torch.manual_seed(3)
        made = made_within("25dB")
        monkeypatch.undo()
        write_recipe(made.recipe, made.stored(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_trial_measures_on_the_calls_it_was_given() -> None:
    program = planted()
    calls = calls_like(IMAGE, count=5)
    trial = Trial(program, iter(calls), ["scores"])
    assert len(trial) == 5
    (meter,) = trial.cost(program)
    assert meter.result.sqnr_db is None
    assert meter.name == "scores"


def test_a_trial_may_look_at_fewer_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    program = planted()
    trial = Trial(program, calls_like(IMAGE, count=5), ["scores"])
    counted: list[int] = []
    run_program: Callable[..., object] = runner_of

    def counting(other: ExportedProgram) -> Callable[..., object]:
        inner: Callable[..., object] = run_program(other)  # type: ignore[assignment]
        return lambda call: (counted.append(1), inner(call))[1]

    monkeypatch.setattr("edgeproof.converters.from_torch.quantization.trial.runner_of", counting)
    trial.cost(program, at_most=2)
    assert len(counted) == 2


def test_weights_are_computed_once_and_give_the_same() -> None:
    program = planted()
    made = made_within(None, program).quantized(program)
    real = with_real_weights(made)
    assert not real.graph.find_nodes(
        op="call_function", target=torch.ops.quantized_decomposed.dequantize_per_channel.default
    )
    x = torch.randn(1, 4, 10, 10)
    assert torch.equal(run(made, (x,))[0], run(real, (x,))[0])
    assert any(value.dtype is torch.int8 for value in made.constants.values())

"""Verdicts on what is not in float32: hand-made artifacts beside their simulation and their source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeproof.converters.quantization.budget import Budget, parse_budget
from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.metrics import OutputMeter
from edgeproof.validators.parity import Cause, Status, TensorParity
from edgeproof.validators.quantised import (
    CostPolicy,
    HalfPolicy,
    SimulationPolicy,
    SizesPolicy,
    both,
    noise_of,
    stricter,
    with_sizes,
    without_simulation,
)

Array = np.ndarray[Any, np.dtype[Any]]
Calls = list[dict[str, Array]]
SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=(1, 4)),),
    outputs=(TensorSpec(name="scores", dtype="float32", shape=(1, 50)),),
)
STEP, ZERO = 0.05, 7


def source(count: int = 30) -> Calls:
    generator = np.random.default_rng(5)
    return [{"scores": generator.uniform(-6, 6, (1, 50)).astype(np.float32)} for _ in range(count)]


def rounded(calls: Calls, *, step: float = STEP, zero: int = ZERO) -> Calls:
    """What a model in integers gives; its last tensor has this step and zero point."""

    def through(array: Array) -> Array:
        integers = np.clip(np.round(array / STEP) + ZERO, -128, 127)
        return ((integers - zero) * step).astype(np.float32)

    return [{name: through(array) for name, array in call.items()} for call in calls]


def noisy(calls: Calls, *, amount: float, seed: int = 1) -> Calls:
    generator = np.random.default_rng(seed)

    def disturbed(array: Array) -> Array:
        return array + (amount * generator.standard_normal(array.shape)).astype(np.float32)

    return [{name: disturbed(array) for name, array in call.items()} for call in calls]


def judged(
    actual: Calls, simulated: Calls, *, budget: str | None = None, steps: dict[str, float] | None = None
) -> TensorParity:
    """An artifact's only output, as the judge sees it."""
    policy = SimulationPolicy(noise=noise_of(source(), simulated), steps=steps or {})
    cost = compare(
        source(), actual, signature=SIGNATURE, policy=CostPolicy(budget=parse_budget(budget) if budget else None)
    )
    simulation = compare(simulated, actual, signature=SIGNATURE, policy=policy)
    (output,) = both(cost, simulation, policy)
    return output


IN_INTEGERS = {"scores": STEP}


@pytest.mark.parametrize("steps", [{}, IN_INTEGERS], ids=["float output", "integer output"])
def test_exactly_the_simulation_passes(steps: dict[str, float]) -> None:
    output = judged(rounded(source()), rounded(source()), steps=steps)
    assert output.status is Status.PASS
    assert output.findings == ()
    assert output.noise_ratio == 0
    assert output.steps == (0 if steps else None)


def test_one_step_off_here_and_there_passes_where_the_output_is_in_integers() -> None:
    simulated = rounded(source())
    actual = [{"scores": call["scores"].copy()} for call in simulated]
    for index, call in enumerate(actual):
        call["scores"][0, index % 50 :: 20] += STEP
    output = judged(actual, simulated, steps=IN_INTEGERS)
    assert output.status is Status.PASS
    assert output.steps == pytest.approx(np.sqrt(0.05), rel=0.2)


def test_the_same_steps_pass_in_a_model_that_is_noisier_anyway() -> None:
    simulated = rounded(noisy(source(), amount=4 * STEP))
    actual = [{"scores": call["scores"].copy()} for call in simulated]
    for call in actual:
        call["scores"][0, ::2] += STEP
    assert judged(actual, simulated).status is Status.PASS


FAULTS: dict[str, Callable[[Calls], Calls]] = {
    "a scale 1 % off": lambda calls: rounded(calls, step=1.01 * STEP),
    "a zero point one off": lambda calls: rounded(calls, zero=ZERO + 1),
    "another rounding everywhere": lambda calls: noisy(rounded(calls), amount=STEP),
    "a layer that was left out": lambda calls: [{"scores": np.maximum(call["scores"], 0)} for call in rounded(calls)],
    "a kernel that saturates": lambda calls: [{"scores": np.clip(call["scores"], -3, 3)} for call in rounded(calls)],
}


@pytest.mark.parametrize("steps", [{}, IN_INTEGERS], ids=["float output", "integer output"])
@pytest.mark.parametrize("name", FAULTS)
def test_another_model_than_the_simulated_one_fails(name: str, steps: dict[str, float]) -> None:
    output = judged(FAULTS[name](source()), rounded(source()), steps=steps)
    assert output.status is Status.FAIL
    assert output.findings[0].code is Cause.NOT_THE_SIMULATION
    assert "not what the quantised model computes" in output.findings[0].reason
    assert output.findings[0].fix


def test_the_float_model_itself_is_not_the_quantised_one() -> None:
    output = judged(source(), rounded(source()))
    assert output.status is Status.FAIL
    assert [finding.code for finding in output.findings] == [Cause.NOT_THE_SIMULATION]


def test_nan_fails_by_its_own_name() -> None:
    actual = rounded(source())
    actual[3]["scores"][0, 2] = np.nan
    output = judged(actual, rounded(source()), steps=IN_INTEGERS)
    assert output.status is Status.FAIL
    assert {finding.code for finding in output.findings} == {Cause.NONFINITE}


def test_nan_in_the_simulation_does_not_excuse_an_artifact() -> None:
    simulated = rounded(source())
    simulated[3]["scores"][0, 2] = np.nan
    assert judged(rounded(source()), simulated).status is Status.FAIL


def test_a_constant_output_fails() -> None:
    actual = [{"scores": np.full((1, 50), 0.5, np.float32)} for _ in source()]
    codes = {finding.code for finding in judged(actual, rounded(source())).findings}
    assert Cause.CONSTANT in codes


def test_a_simulation_that_is_constant_fails_for_its_cost() -> None:
    constant = [{"scores": np.full((1, 50), 0.5, np.float32)} for _ in source()]
    output = judged(constant, constant)
    assert output.status is Status.FAIL
    assert {finding.code for finding in output.findings} & {Cause.TOLERANCE, Cause.CONSTANT}


def test_a_cost_over_the_budget_fails_though_it_is_the_simulation() -> None:
    simulated = rounded(noisy(source(), amount=0.2))
    output = judged(simulated, simulated, budget="30dB")
    assert output.status is Status.FAIL
    assert [finding.code for finding in output.findings] == [Cause.TOLERANCE]
    assert "noise/signal" in output.findings[0].reason
    assert judged(simulated, simulated, budget="15dB").status is Status.PASS


def test_changed_decisions_are_held_against_the_budget() -> None:
    simulated = rounded(noisy(source(), amount=0.2))
    output = judged(simulated, simulated, budget="0%")
    assert output.status is Status.FAIL
    assert "changed decisions" in output.findings[0].reason
    assert judged(simulated, simulated, budget="50%").status is Status.PASS


def test_a_budget_of_decisions_does_not_look_at_the_ratio() -> None:
    quiet = [{"scores": call["scores"] * 0.5} for call in source()]
    assert judged(quiet, quiet, budget="0%").status is Status.PASS


@pytest.mark.parametrize(("amount", "passes"), [(0.9, True), (1.3, False)])
def test_without_a_budget_ten_decibels_must_be_left(amount: float, passes: bool) -> None:
    simulated = noisy(source(), amount=amount)
    assert (judged(simulated, simulated).status is Status.PASS) == passes


def test_a_budget_of_no_decibels_is_one() -> None:
    (one,) = CostPolicy(budget=Budget(least_sqnr_db=0)).checks(metrics_of(source(), source()), output="scores")
    assert one.limit == 1.0


def test_without_a_simulation_nothing_passes() -> None:
    actual = rounded(source())
    cost = compare(source(), actual, signature=SIGNATURE, policy=CostPolicy())
    assert cost[0].status is Status.PASS
    (output,) = without_simulation(cost, "out of memory")
    assert output.status is Status.FAIL
    assert output.findings[-1].code is Cause.NO_SIMULATION
    assert "out of memory" in output.findings[-1].reason


def test_checks_of_both_comparisons_are_kept() -> None:
    output = judged(rounded(source()), rounded(source()), steps=IN_INTEGERS)
    assert [check.quantity for check in output.checks] == ["off the simulation/step", "noise/signal"]


def test_a_fault_on_real_calls_does_not_hide_under_the_noise_of_others() -> None:
    """The first calls are real, with little noise; generated ones are clipped, and make a hundred times as much."""
    real, simulated = source()[:10], noisy(source()[:10], amount=0.01)
    clipped = noisy(source()[10:], amount=1.0)
    actual = [*noisy(simulated, amount=0.1, seed=2), *clipped]
    pooled = SimulationPolicy(noise=noise_of(source(), [*simulated, *clipped]))
    whole = compare([*simulated, *clipped], actual, signature=SIGNATURE, policy=pooled)
    assert [output.status for output in whole] == [Status.PASS]
    strict = SimulationPolicy(noise=noise_of(real, simulated), largest=1.2)
    part = compare(simulated, actual[:10], signature=SIGNATURE, policy=strict)
    assert [output.status for output in stricter(whole, part)] == [Status.FAIL]
    sound = compare(simulated, simulated, signature=SIGNATURE, policy=strict)
    assert stricter(whole, sound) == whole


def test_an_extra_output_is_not_forgotten() -> None:
    actual = [{**call, "more": call["scores"]} for call in rounded(source())]
    policy = SimulationPolicy(noise=noise_of(source(), rounded(source())))
    cost = compare(source(), actual, signature=SIGNATURE, policy=CostPolicy())
    outputs = both(cost, compare(rounded(source()), actual, signature=SIGNATURE, policy=policy), policy)
    assert [(output.name, output.status) for output in outputs] == [("scores", Status.PASS), ("more", Status.FAIL)]


def test_noise_is_the_simulations_own_difference() -> None:
    assert noise_of(source(), noisy(source(), amount=0.1))["scores"] == pytest.approx(0.1, rel=0.05)
    assert noise_of(source(), source())["scores"] == 0


def test_without_any_noise_float_rounding_is_allowed_and_no_more() -> None:
    close = [{"scores": call["scores"] * np.float32(1 + 3e-7)} for call in source()]
    assert judged(close, source()).status is Status.PASS
    off = [{"scores": call["scores"] * np.float32(1.001)} for call in source()]
    assert judged(off, source()).status is Status.FAIL


LABELS = Signature(inputs=SIGNATURE.inputs, outputs=(TensorSpec(name="label", dtype="int64", shape=(1, 50)),))


@pytest.mark.parametrize(("changed", "budget", "passes"), [(2, None, True), (9, None, False), (1, "0%", False)])
def test_integers_count_as_decisions(changed: int, budget: str | None, passes: bool) -> None:
    reference = [{"label": np.arange(50).reshape(1, 50) + index} for index in range(4)]
    actual = [{"label": call["label"].copy()} for call in reference]
    for call in actual:
        call["label"][0, :changed] += 1
    policy = CostPolicy(budget=parse_budget(budget) if budget else None)
    (output,) = compare(reference, actual, signature=LABELS, policy=policy)
    assert (output.status is Status.PASS) == passes
    for simulated, expected in ((actual, Status.PASS), (reference, Status.PASS if changed < 5 else Status.FAIL)):
        (output,) = compare(simulated, actual, signature=LABELS, policy=SimulationPolicy(noise={}))
        assert output.status is expected


def metrics_of(reference: Calls, actual: Calls) -> Any:
    meter = OutputMeter()
    for left, right in zip(reference, actual, strict=True):
        meter.add(left["scores"], right["scores"])
    return meter.metrics()


def half_verdict(actual: Calls, noise: float) -> TensorParity:
    (output,) = compare(source(), actual, signature=SIGNATURE, policy=HalfPolicy(noise={"scores": noise}))
    return output


@pytest.mark.parametrize(
    ("amount", "status"), [(0.0, Status.PASS), (0.001, Status.PASS), (0.0025, Status.PASS), (0.004, Status.FAIL)]
)
def test_float16_may_lose_a_few_times_what_the_source_loses(amount: float, status: Status) -> None:
    assert half_verdict(noisy(source(), amount=amount), 0.001).status is status


def test_a_source_that_breaks_down_in_float16_excuses_nothing() -> None:
    assert half_verdict(source(), np.inf).status is Status.PASS
    garbage = [{"scores": -call["scores"]} for call in source()]
    output = half_verdict(garbage, np.inf)
    assert output.status is Status.FAIL
    assert output.findings[0].code is Cause.TOLERANCE


def sized(*batches: int) -> list[dict[str, Array]]:
    return [{"scores": np.ones((size, 3), np.float32)} for size in batches]


OPEN = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=("n", 3)),),
    outputs=(TensorSpec(name="scores", dtype="float32", shape=("n", 3)),),
    dims=(Dim(name="n", min=1, max=4),),
)


def of_sizes(real: int, *batches: int) -> TensorParity:
    """Judged on the first `real` calls, with what all of them show of sizes."""
    calls = sized(*batches)
    cost = compare(calls[:real], calls[:real], signature=OPEN, policy=CostPolicy())
    (output,) = with_sizes(cost, compare(calls, calls, signature=OPEN, policy=SizesPolicy()))
    return output


def test_open_sizes_are_proved_by_any_call() -> None:
    assert of_sizes(2, 1, 1, 3).status is Status.PASS


def test_open_sizes_that_no_call_proves_fail() -> None:
    output = of_sizes(2, 1, 1, 1)
    assert output.status is Status.FAIL
    assert [finding.code for finding in output.findings] == [Cause.DYNAMIC_UNPROVEN]


def test_a_size_that_became_fixed_fails_though_real_calls_have_one() -> None:
    calls, stuck = sized(1, 3), sized(1, 1)
    cost = compare(calls[:1], stuck[:1], signature=OPEN, policy=CostPolicy())
    (output,) = with_sizes(cost, compare(calls, stuck, signature=OPEN, policy=SizesPolicy()))
    assert output.status is Status.FAIL

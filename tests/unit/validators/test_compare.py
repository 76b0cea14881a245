"""Faults planted in correct outputs, each of which must fail for its own reason, and what must not fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproof.converters.precision import Precision
from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.metrics import OutputMetrics
from edgeproof.validators.parity import Cause, Check, Status, TensorParity
from edgeproof.validators.tolerance import check, policy_for

Array = np.ndarray[Any, np.dtype[Any]]
Calls = list[dict[str, Array]]
POLICY = policy_for(Precision.FP32)
SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 4)),),
    outputs=(
        TensorSpec(name="scores", dtype="float32", shape=("batch", 5)),
        TensorSpec(name="boxes", dtype="float32", shape=("batch", 5)),
        TensorSpec(name="labels", dtype="int64", shape=("batch",)),
    ),
    dims=(Dim(name="batch", min=1, max=4),),
)


class AllowsAnything:
    """The loosest policy there is: what fails under it fails whatever the tolerance."""

    name = "anything"

    def checks(self, metrics: OutputMetrics) -> tuple[Check, ...]:
        return (check("calls", float(metrics.calls), 1e9),)


class ChecksNothing:
    """A policy that has no limits for an output."""

    name = "nothing"

    def checks(self, _metrics: OutputMetrics) -> tuple[Check, ...]:
        return ()


def reference_calls(count: int = 6) -> Calls:
    generator = np.random.default_rng(7)
    calls: Calls = []
    for index in range(count):
        batch = 1 + index % 2
        scores = generator.standard_normal((batch, 5)).astype(np.float32)
        boxes = (100 * generator.standard_normal((batch, 5))).astype(np.float32)
        calls.append({"scores": scores, "boxes": boxes, "labels": np.argmax(scores, axis=1)})
    return calls


def noisy(calls: Calls) -> Calls:
    """As a correct conversion would give them: off by a rounding or two."""
    return [
        {
            name: np.nextafter(array, np.float32(np.inf)) if array.dtype.kind == "f" else array
            for name, array in call.items()
        }
        for call in calls
    ]


def changed(calls: Calls, name: str, change: Callable[[Array], Any]) -> Calls:
    return [{key: np.asarray(change(array)) if key == name else array for key, array in call.items()} for call in calls]


def at_one_place(value: float) -> Callable[[Calls], Calls]:
    def plant(calls: Calls) -> Calls:
        calls[3]["scores"] = calls[3]["scores"].copy()
        calls[3]["scores"][1, 2] = value
        return calls

    return plant


def renamed(calls: Calls, names: dict[str, str]) -> Calls:
    return [{names.get(name, name): array for name, array in call.items()} for call in calls]


def judge(actual: Calls, *, policy: Any = POLICY, reference: Calls | None = None) -> dict[str, TensorParity]:
    found = compare(reference or reference_calls(), actual, signature=SIGNATURE, policy=policy)
    return {output.name: output for output in found}


def failed(results: dict[str, TensorParity]) -> set[str]:
    return {name for name, output in results.items() if output.status is not Status.PASS}


FAULTS: dict[str, tuple[Callable[[Calls], Calls], str, Cause]] = {
    "a NaN in one element of one call": (at_one_place(np.nan), "scores", Cause.NONFINITE),
    "an infinity in one element": (at_one_place(np.inf), "scores", Cause.NONFINITE),
    "all zeros": (lambda c: changed(c, "scores", np.zeros_like), "scores", Cause.ALL_ZERO),
    "negative zeros": (lambda c: changed(c, "scores", lambda a: -np.zeros_like(a)), "scores", Cause.ALL_ZERO),
    "one constant": (lambda c: changed(c, "scores", lambda a: np.full_like(a, 0.2)), "scores", Cause.CONSTANT),
    "the first call's answer to everything": (
        lambda c: [{**call, "boxes": c[index % 2]["boxes"]} for index, call in enumerate(c)],
        "boxes",
        Cause.INPUT_IGNORED,
    ),
    "two outputs under each other's name": (
        lambda c: [{"scores": call["boxes"], "boxes": call["scores"], "labels": call["labels"]} for call in c],
        "scores",
        Cause.SWAPPED_OUTPUTS,
    ),
    "names in another order": (
        lambda c: [{name: call[name] for name in ("boxes", "scores", "labels")} for call in c],
        "boxes",
        Cause.OUTPUT_ORDER,
    ),
    "an output left out": (
        lambda c: [{name: call[name] for name in ("scores", "labels")} for call in c],
        "boxes",
        Cause.MISSING_OUTPUT,
    ),
    "an output left out of one call": (
        lambda c: [*c[:-1], {name: c[-1][name] for name in ("scores", "labels")}],
        "boxes",
        Cause.MISSING_OUTPUT,
    ),
    "an output under another name": (lambda c: renamed(c, {"boxes": "output_1"}), "boxes", Cause.MISSING_OUTPUT),
    "an output too many": (lambda c: [{**call, "aux": call["boxes"]} for call in c], "aux", Cause.EXTRA_OUTPUT),
    "float64 instead of float32": (lambda c: changed(c, "scores", lambda a: a.astype("f8")), "scores", Cause.DTYPE),
    "int32 instead of int64": (lambda c: changed(c, "labels", lambda a: a.astype("i4")), "labels", Cause.DTYPE),
    "a complex output": (lambda c: changed(c, "scores", lambda a: a.astype("c8")), "scores", Cause.NOT_REAL),
    "axes in another order": (lambda c: changed(c, "scores", np.transpose), "scores", Cause.SHAPE),
    "an axis dropped": (lambda c: changed(c, "scores", lambda a: a[0]), "scores", Cause.SHAPE),
    "an axis that would broadcast": (lambda c: changed(c, "scores", lambda a: a[:, :1]), "scores", Cause.SHAPE),
    "a batch that became fixed": (lambda c: changed(c, "scores", lambda a: a[:1]), "scores", Cause.DYNAMIC_FIXED),
    "one integer off by one": (
        lambda c: [*c[:-1], {**c[-1], "labels": c[-1]["labels"] + 1}],
        "labels",
        Cause.NOT_EQUAL,
    ),
    "no call at all": (lambda _: [], "scores", Cause.NO_SAMPLES),
    "a call too few": (lambda c: c[:-1], "scores", Cause.CALL_COUNT),
    "a call too many": (lambda c: [*c, c[0]], "scores", Cause.CALL_COUNT),
    "scaled by a ten thousandth": (
        lambda c: changed(c, "scores", lambda a: a * np.float32(1.0001)),
        "scores",
        Cause.TOLERANCE,
    ),
    "two channels swapped": (
        lambda c: changed(c, "scores", lambda a: a[:, [1, 0, 2, 3, 4]]),
        "scores",
        Cause.TOLERANCE,
    ),
    "rounded to float16": (
        lambda c: changed(c, "scores", lambda a: a.astype("f2").astype("f4")),
        "scores",
        Cause.TOLERANCE,
    ),
    "yesterday's weights": (lambda c: changed(c, "boxes", lambda a: a + a.std() / 100), "boxes", Cause.TOLERANCE),
    "one element slightly off, once": (at_one_place(0.0), "scores", Cause.TOLERANCE),
}
# Integers are left to the policy: quantised ones may be off by a step.
WHATEVER_THE_TOLERANCE = [
    name for name, (_, _, cause) in FAULTS.items() if cause not in {Cause.TOLERANCE, Cause.NOT_EQUAL}
]


def test_a_correct_conversion_passes():
    results = judge(noisy(reference_calls()))
    assert not failed(results)
    assert [output.findings for output in results.values()] == [(), (), ()]
    assert all(output.checks and all(one.passed for one in output.checks) for output in results.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_for_its_reason(fault: str):
    plant, output, cause = FAULTS[fault]
    result = judge(plant(noisy(reference_calls())))[output]
    assert result.status is Status.FAIL
    assert result.code is cause
    assert output in result.reason or cause is Cause.CALL_COUNT
    assert all(finding.fix for finding in result.findings)


@pytest.mark.parametrize("fault", WHATEVER_THE_TOLERANCE)
def test_no_tolerance_lets_a_planted_fault_through(fault: str):
    plant, output, cause = FAULTS[fault]
    assert judge(plant(noisy(reference_calls())), policy=AllowsAnything())[output].code is cause


def test_only_the_faulty_output_fails():
    plant, output, _ = FAULTS["one constant"]
    assert failed(judge(plant(noisy(reference_calls())))) == {output}


def test_a_policy_that_checks_nothing_passes_nothing():
    assert failed(judge(reference_calls(), policy=ChecksNothing())) == {"scores", "boxes", "labels"}


def test_no_calls_on_either_side_fail():
    assert {output.code for output in compare([], [], signature=SIGNATURE, policy=POLICY)} == {Cause.NO_SAMPLES}


def test_a_model_without_outputs_has_no_results():
    empty = Signature(inputs=SIGNATURE.inputs, outputs=())
    assert compare([{}], [{}], signature=empty, policy=POLICY) == []


def test_a_reference_without_the_output_fails():
    reference = [{"scores": call["scores"], "labels": call["labels"]} for call in reference_calls()]
    assert judge(reference_calls(), reference=reference)["boxes"].code is Cause.NO_REFERENCE


def test_a_swap_between_outputs_of_different_shapes_is_recognised():
    signature = Signature(
        inputs=SIGNATURE.inputs,
        outputs=(
            TensorSpec(name="a", dtype="float32", shape=(3,)),
            TensorSpec(name="b", dtype="float32", shape=(2, 2)),
        ),
    )
    generator = np.random.default_rng(1)
    reference = [{"a": generator.standard_normal(3), "b": generator.standard_normal((2, 2))} for _ in range(3)]
    swapped = [{"a": call["b"], "b": call["a"]} for call in reference]
    results = compare(reference, swapped, signature=signature, policy=POLICY)
    assert [output.code for output in results] == [Cause.SWAPPED_OUTPUTS, Cause.SWAPPED_OUTPUTS]
    assert "'b'" in results[0].reason


def test_equal_outputs_are_not_called_swapped():
    reference = [{**call, "boxes": call["scores"]} for call in reference_calls()]
    wrong = changed(reference, "boxes", lambda a: a * np.float32(1.5))
    assert judge(wrong, reference=reference)["boxes"].code is Cause.TOLERANCE


def test_nan_that_the_source_has_too_is_no_fault():
    reference = at_one_place(np.nan)(reference_calls())
    assert not failed(judge(noisy(reference), reference=reference))


def test_a_nan_that_only_the_source_has_fails():
    reference = at_one_place(np.nan)(reference_calls())
    assert judge(reference_calls(), reference=reference)["scores"].code is Cause.NONFINITE_LOST


def test_a_source_of_nothing_but_nan_proves_nothing():
    reference = changed(reference_calls(), "scores", lambda a: np.full_like(a, np.nan))
    assert judge(reference, reference=reference)["scores"].code is Cause.NOTHING_COMPARED


def test_an_output_that_is_empty_every_time_proves_nothing():
    spec = TensorSpec(name="boxes", dtype="float32", shape=("found", 4))
    signature = Signature(inputs=SIGNATURE.inputs, outputs=(spec,))
    calls = [{"boxes": np.zeros((0, 4), np.float32)}] * 3
    (result,) = compare(calls, calls, signature=signature, policy=POLICY)
    assert result.code is Cause.NOTHING_COMPARED


def test_an_output_that_is_empty_by_its_signature_passes():
    signature = Signature(inputs=SIGNATURE.inputs, outputs=(TensorSpec(name="none", dtype="float32", shape=(0, 4)),))
    calls = [{"none": np.zeros((0, 4), np.float32)}] * 3
    (result,) = compare(calls, calls, signature=signature, policy=POLICY)
    assert result.status is Status.PASS


def test_a_dynamic_dimension_seen_at_one_size_only_is_not_proven():
    calls = reference_calls()[::2]
    results = judge(calls, reference=calls)
    assert {output.code for output in results.values()} == {Cause.DYNAMIC_UNPROVEN}
    assert "batch" in results["scores"].reason


def test_a_size_that_the_data_decide_needs_no_second_size():
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=(4,)),),
        outputs=(TensorSpec(name="boxes", dtype="float32", shape=("found", 4)),),
        dims=(Dim(name="found", min=0, max=100),),
    )
    calls = [{"boxes": np.full((2, 4), value, np.float32)} for value in (1.0, 2.0)]
    (result,) = compare(calls, calls, signature=signature, policy=POLICY)
    assert result.status is Status.PASS


def test_a_source_that_is_constant_may_be_matched_by_a_constant():
    reference = changed(reference_calls(), "scores", np.ones_like)
    results = judge(reference, reference=reference)
    assert not failed(results)
    assert any("hardly changes" in note for note in results["scores"].notes)


def test_a_saturated_source_may_be_matched_by_a_constant():
    nearly = reference_calls()
    nearly[2]["scores"] = np.full_like(nearly[2]["scores"], np.nextafter(np.float32(1), np.float32(0)))
    nearly = [
        {**call, "scores": np.ones_like(call["scores"]) if index != 2 else call["scores"]}
        for index, call in enumerate(nearly)
    ]
    ones = changed(nearly, "scores", np.ones_like)
    assert not failed(judge(ones, reference=nearly))


def test_a_single_call_is_noted():
    (result, *_) = compare(reference_calls(1), reference_calls(1), signature=_static(SIGNATURE), policy=POLICY)
    assert result.status is Status.PASS
    assert any("single call" in note for note in result.notes)


def test_zeros_are_matched_by_zeros_only():
    reference = changed(reference_calls(), "scores", np.zeros_like)
    assert not failed(judge(reference, reference=reference))
    off = changed(reference, "scores", lambda a: a + np.float32(1e-9))
    result = judge(off, reference=reference)["scores"]
    assert result.code is Cause.TOLERANCE
    assert result.max_rel_to_scale is None
    assert "infinite" in result.reason


def test_calls_are_read_once_and_side_by_side():
    alive = 0

    def stream() -> Iterator[dict[str, Array]]:
        nonlocal alive
        for call in reference_calls():
            alive += 1
            yield call

    def checked() -> Iterator[dict[str, Array]]:
        for index, call in enumerate(reference_calls()):
            assert alive <= index + 1
            yield call

    assert all(one.status is Status.PASS for one in compare(stream(), checked(), signature=SIGNATURE, policy=POLICY))


def test_the_worst_element_of_a_nan_is_written_as_text():
    worst = judge(at_one_place(np.nan)(noisy(reference_calls())))["scores"].worst
    assert worst is not None
    assert (worst.call, worst.index, worst.actual) == (3, (1, 2), "nan")


def test_a_row_that_only_top1_shows_is_noted_not_failed():
    # Two classes a little more than the decision margin apart, swapped within a loose policy.
    reference = [{"scores": np.array([[1.0, 0.9, 0, 0, value]], np.float32)} for value in (0.0, 0.5, 0.3)]
    actual = [{"scores": call["scores"][:, [1, 0, 2, 3, 4]]} for call in reference]
    signature = Signature(inputs=(), outputs=(TensorSpec(name="scores", dtype="float32", shape=(1, 5)),))
    (result,) = compare(reference, actual, signature=signature, policy=AllowsAnything())
    assert result.status is Status.PASS
    assert result.top1 == 0.0
    assert any("largest entry" in note for note in result.notes)


def _static(signature: Signature) -> Signature:
    return Signature(
        inputs=(),
        outputs=tuple(
            TensorSpec(
                name=spec.name, dtype=spec.dtype, shape=tuple(1 if isinstance(s, str) else s for s in spec.shape)
            )
            for spec in signature.outputs
        ),
    )


@given(
    call=st.integers(0, 5), output=st.sampled_from(["scores", "boxes"]), place=st.integers(0, 4), row=st.integers(0, 1)
)
@settings(deadline=None)
def test_a_nan_anywhere_fails(call: int, output: str, place: int, row: int):
    actual = noisy(reference_calls())
    actual[call][output][row % len(actual[call][output]), place] = np.nan
    assert failed(judge(actual)) == {output}


@given(order=st.permutations(["scores", "boxes", "labels"]))
@settings(deadline=None)
def test_outputs_in_any_other_order_fail(order: list[str]):
    actual = [{name: call[name] for name in order} for call in reference_calls()]
    moved = {name for name, expected in zip(order, ["scores", "boxes", "labels"], strict=True) if name != expected}
    assert failed(judge(actual)) == moved


@given(order=st.permutations([0, 1, 2]), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_values_under_any_other_name_fail(order: list[int], seed: int):
    names = ("a", "b", "c")
    signature = Signature(
        inputs=(), outputs=tuple(TensorSpec(name=name, dtype="float32", shape=(3,)) for name in names)
    )
    generator = np.random.default_rng(seed)
    reference = [{name: generator.standard_normal(3).astype("f4") for name in names} for _ in range(3)]
    actual = [{name: call[names[place]] for name, place in zip(names, order, strict=True)} for call in reference]
    results = compare(reference, actual, signature=signature, policy=POLICY)
    for result, own, place in zip(results, range(3), order, strict=True):
        assert result.code is (None if own == place else Cause.SWAPPED_OUTPUTS)


@given(exponent=st.integers(-60, 60), fault=st.sampled_from(["none", "scaled by a ten thousandth", "all zeros"]))
@settings(deadline=None)
def test_the_verdict_does_not_change_with_the_outputs_unit(exponent: int, fault: str):
    def unit(calls: Calls) -> Calls:
        return changed(calls, "scores", lambda a: np.ldexp(a, exponent))

    actual = noisy(reference_calls())
    planted = FAULTS[fault][0](actual) if fault in FAULTS else actual
    expected = judge(planted)["scores"].code
    assert judge(unit(planted), reference=unit(reference_calls()))["scores"].code is expected


@given(share=st.floats(1e-8, 1e-2))
@settings(deadline=None)
def test_the_limit_that_would_pass_is_honest(share: float):
    actual = changed(reference_calls(), "scores", lambda a: (a * (1 + share)).astype(np.float32))
    for one in judge(actual)["scores"].checks:
        assert one.would_pass is not None
        assert one.value is not None
        assert one.value <= one.would_pass
        assert one.passed == (one.value <= one.limit)

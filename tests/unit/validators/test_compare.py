"""Faults planted in correct outputs, each of which must fail for its own reason, and what must not fail."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from floors import noisy, policy_for
from planted_faults import (
    FAULTS,
    SIGNATURE,
    WHATEVER_THE_TOLERANCE,
    AllowsAnything,
    Array,
    ChecksNothing,
    at_one_place,
    changed,
    failed,
    judge,
    reference_calls,
)

from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.parity import Cause, Status


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
    assert {output.code for output in compare([], [], signature=SIGNATURE, policy=policy_for([]))} == {Cause.NO_SAMPLES}


def test_a_model_without_outputs_has_no_results():
    empty = Signature(inputs=SIGNATURE.inputs, outputs=())
    assert compare([{}], [{}], signature=empty, policy=policy_for([{}])) == []


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
    results = compare(reference, swapped, signature=signature, policy=policy_for(reference))
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
    (result,) = compare(calls, calls, signature=signature, policy=policy_for(calls))
    assert result.code is Cause.NOTHING_COMPARED


def test_an_output_that_is_empty_by_its_signature_passes():
    signature = Signature(inputs=SIGNATURE.inputs, outputs=(TensorSpec(name="none", dtype="float32", shape=(0, 4)),))
    calls = [{"none": np.zeros((0, 4), np.float32)}] * 3
    (result,) = compare(calls, calls, signature=signature, policy=policy_for(calls))
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
    (result,) = compare(calls, calls, signature=signature, policy=policy_for(calls))
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
    (result, *_) = compare(
        reference_calls(1), reference_calls(1), signature=_static(SIGNATURE), policy=policy_for(reference_calls(1))
    )
    assert result.status is Status.PASS
    assert any("single call" in note for note in result.notes)


def test_zeros_are_matched_by_zeros_only():
    reference = changed(reference_calls(), "scores", np.zeros_like)
    assert not failed(judge(reference, reference=reference))
    off = changed(reference, "scores", lambda a: a + np.float32(1e-9))
    result = judge(off, reference=reference)["scores"]
    assert result.code is Cause.TOLERANCE
    assert result.max_rel_to_scale is None


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

    assert all(
        one.status is Status.PASS
        for one in compare(stream(), checked(), signature=SIGNATURE, policy=policy_for(reference_calls()))
    )


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

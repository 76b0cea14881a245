"""What holds for every comparison, whatever the values, places, orders and units."""

from __future__ import annotations

import numpy as np
from floors import noisy, policy_for
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_faults import (
    FAULTS,
    Calls,
    changed,
    failed,
    judge,
    reference_calls,
)

from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.validators.compare import compare
from edgeproof.validators.parity import Cause


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
    results = compare(reference, actual, signature=signature, policy=policy_for(reference))
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

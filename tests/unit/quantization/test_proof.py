"""An artifact that is called int8 computes in integers, or is none."""

from __future__ import annotations

import pytest

from edgeproof.converters.errors import QuantizationError
from edgeproof.converters.precision import Precision
from edgeproof.converters.quantization.execution import Execution, HeavyOperator, Kernel
from edgeproof.converters.quantization.proof import require_integers
from edgeproof.converters.quantization.recipe import Compute, LayerRecipe, Recipe


def recipe(*layers: tuple[int, Compute]) -> Recipe:
    return Recipe(
        precision=Precision.INT8,
        source="net",
        program="",
        layers=tuple(
            LayerRecipe(
                name=f"conv_{index}", operator="conv2d", module="", macs=macs, weights=1, axis=0, compute=compute
            )
            for index, (macs, compute) in enumerate(layers)
        ),
    )


def execution(*operators: tuple[int, Kernel], reason: str = "no kernel for it") -> Execution:
    return Execution(
        operators=tuple(
            HeavyOperator(
                name=f"conv_{index}",
                operator="convolution",
                macs=macs,
                kernel=kernel,
                reason=reason if kernel is Kernel.FLOAT else "",
            )
            for index, (macs, kernel) in enumerate(operators)
        )
    )


def test_all_in_integers_is_said_with_its_share() -> None:
    notes = require_integers(execution((100, Kernel.INTEGER)), recipe((100, Compute.INT8)))
    assert notes == ("100.0 % of the multiply-accumulates of its convolutions and matrix products run in integers",)


@pytest.mark.parametrize("compute", [Compute.INT8, Compute.INT8_DYNAMIC])
def test_what_should_be_in_integers_and_is_in_float_fails_with_its_reason(compute: Compute) -> None:
    found = execution((500, Kernel.INTEGER), (4_500, Kernel.FLOAT), (5_000, Kernel.FLOAT))
    with pytest.raises(QuantizationError, match="5 % do") as caught:
        require_integers(found, recipe((5_000, compute), (5_000, compute)))
    lines = caught.value.message.splitlines()
    assert "conv_2 (5,000 multiply-accumulates): no kernel for it" in lines[1]
    assert "conv_1" in lines[2]
    assert caught.value.fix


def test_only_the_largest_are_listed() -> None:
    with pytest.raises(QuantizationError) as caught:
        require_integers(execution(*((100, Kernel.FLOAT),) * 50), recipe((5_000, Compute.INT8)))
    assert len(caught.value.message.splitlines()) == 6


def test_an_operator_without_a_reason_says_so() -> None:
    with pytest.raises(QuantizationError, match="no reason known"):
        require_integers(execution((100, Kernel.FLOAT), reason=""), recipe((100, Compute.INT8)))


@pytest.mark.parametrize(("integers", "passes"), [(950, True), (949, False)])
def test_five_in_a_hundred_may_be_in_float(integers: int, passes: bool) -> None:
    found = execution((integers, Kernel.INTEGER), (1000 - integers, Kernel.FLOAT))
    if passes:
        assert "95.0 %" in require_integers(found, recipe((1000, Compute.INT8)))[0]
    else:
        with pytest.raises(QuantizationError):
            require_integers(found, recipe((1000, Compute.INT8)))


def test_layers_left_in_float_by_decision_do_not_count() -> None:
    found = execution((100, Kernel.INTEGER), (9_900, Kernel.FLOAT), reason="left in float for the budget")
    notes = require_integers(found, recipe((100, Compute.INT8), (9_900, Compute.FP32)))
    assert notes == (
        "1.0 % of the multiply-accumulates of its convolutions and matrix products run in integers",
        "in float: left in float for the budget",
    )


def test_reasons_are_told_once_with_their_number() -> None:
    found = execution((1_000, Kernel.INTEGER), *((1, Kernel.FLOAT),) * 3)
    assert require_integers(found, recipe((1_000, Compute.INT8)))[1] == "in float: no kernel for it (3 operators)"


def test_without_any_proof_an_artifact_is_no_int8_artifact() -> None:
    with pytest.raises(QuantizationError, match="nothing shows"):
        require_integers(None, recipe((100, Compute.INT8)))


def test_weights_alone_need_no_integer_kernels() -> None:
    assert require_integers(None, recipe((100, Compute.INT8_WEIGHTS))) == ()
    assert require_integers(execution((100, Kernel.FLOAT), reason=""), recipe((100, Compute.INT8_WEIGHTS))) == ()


def test_an_artifact_without_heavy_operators_is_no_int8_artifact() -> None:
    with pytest.raises(QuantizationError, match="0 % do"):
        require_integers(Execution(operators=()), recipe((100, Compute.INT8)))

"""The advice, from numbers made by hand: what is best, what does not pay, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from latency_rows import VNNI, beside_float, heavy, manifest_of, row

from edgeproof.converters.precision import Precision
from edgeproof.converters.processor import Processor
from edgeproof.converters.quantization.execution import HeavyOperator, Kernel
from edgeproof.validators.latency.advice import advise
from edgeproof.validators.latency.report import Advice, AdviceKind, Cause, LatencyRow
from edgeproof.validators.parity import Status

FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
DYNAMIC = Precision.INT8_DYNAMIC


def advice_on(
    *rows: LatencyRow, operators: tuple[HeavyOperator, ...] = (), processor: Processor = VNNI, parameters: int = 1000
) -> dict[AdviceKind, Advice]:
    """The advice by kind, of which a test has one each."""
    compared = beside_float(*rows)
    found = advise(compared, manifest_of(compared, *operators, parameters=parameters), processor)
    return {advice.kind: advice for advice in found}


def causes(advice: Advice) -> set[Cause]:
    return {reason.cause for reason in advice.reasons}


def test_the_faster_and_smaller_one_is_best() -> None:
    found = advice_on(row(FP32, 10.0), row(INT8, 4.5, sqnr_db=34.4))
    assert set(found) == {AdviceKind.BEST}
    best = found[AdviceKind.BEST]
    assert best.file == "net.onnx.int8"
    assert best.text == "int8 is best: 0.45 times the time of fp32 with 1 thread, 0.25 of its bytes, SQNR 34.4 dB"


def test_a_slower_one_is_not_best_and_the_reason_is_said() -> None:
    old = Processor(machine="x86_64", name="old", features=("avx2",))
    found = advice_on(row(FP32, 10.0), row(INT8, 18.0), processor=old)
    assert found[AdviceKind.BEST].file == "net.onnx.fp32"
    assert "int8 is the smallest, 0.25 of its bytes at 1.80 times its time" in found[AdviceKind.BEST].text
    slower = found[AdviceKind.NOT_FASTER]
    assert slower.text == "int8 is slower than fp32 (1.80 times with 1 thread)"
    assert causes(slower) == {Cause.NO_DOT_PRODUCT}
    assert "VNNI" in slower.reasons[0].text


def test_within_the_noise_is_no_difference() -> None:
    found = advice_on(row(FP32, 10.0, width=0.6), row(INT8, 8.0, width=0.6))
    text = found[AdviceKind.NOT_FASTER].text
    assert text == "int8 is no faster than fp32 (0.80 times with 1 thread, no difference outside of the spread)"
    assert causes(found[AdviceKind.NOT_FASTER]) == {Cause.NOISE}
    assert found[AdviceKind.BEST].text.startswith("int8 is best: no difference in time from fp32")


def test_noise_does_not_make_the_smaller_one_best() -> None:
    found = advice_on(row(FP32, 2.0, width=8.0), row(INT8, 11.0, width=1.0))
    assert found[AdviceKind.BEST].file == "net.onnx.fp32"
    assert found[AdviceKind.BEST].text.startswith("fp32 is best in time, int8 within the noise")


def test_more_threads_may_say_otherwise() -> None:
    found = advice_on(row(FP32, 10.0), row(INT8, 5.0), row(FP32, 4.0, threads=2), row(INT8, 5.0, threads=2))
    assert found[AdviceKind.BEST].text.endswith("; fp32 is faster with 2 threads")
    text = found[AdviceKind.NOT_FASTER].text
    assert text == "int8 is slower than fp32 (1.25 times with 2 threads); faster than fp32 (0.50 times with 1 thread)"


def test_what_failed_parity_is_left_out_however_fast() -> None:
    found = advice_on(row(FP32, 10.0), row(FP16, 9.0), row(INT8, 1.0, parity=Status.FAIL))
    assert found[AdviceKind.BEST].file == "net.onnx.fp16"
    assert found[AdviceKind.NOT_COMPARED].text == "int8 is left out of the choice: parity.json says FAIL"


def test_one_precision_alone_is_not_compared() -> None:
    assert "--precision fp32,int8" in advice_on(row(FP32, 10.0))[AdviceKind.NOT_COMPARED].text
    assert "--precision fp32 as well" in advice_on(row(INT8, 10.0))[AdviceKind.NOT_COMPARED].text


def test_what_failed_is_not_asked_for_again() -> None:
    rows = beside_float(row(FP32, 10.0), row(INT8, 1.0, milliseconds=None))
    [advice] = advise(rows, manifest_of(rows), VNNI)
    assert advice.text == "there is nothing to compare fp32 with: the others were not measured, or failed parity"


def test_the_best_of_all_formats_comes_last() -> None:
    rows = beside_float(
        row(FP32, 10.0), row(INT8, 5.0), row(FP32, 8.0, format="litert"), row(INT8, 2.0, format="litert")
    )
    last = advise(rows, manifest_of(rows), VNNI)[-1]
    assert (last.format, last.file) == (None, "net.litert.int8")
    assert last.text == "litert int8 is best of all: 2 ms with 1 thread"


def test_heavy_operators_in_float_are_named() -> None:
    operators = (
        heavy(6_000_000),
        heavy(4_000_000, Kernel.FLOAT, operator="convtranspose", reason="there is no kernel"),
    )
    found = advice_on(row(FP32, 10.0), row(INT8, 12.0, integer_share=0.6), operators=operators)
    [reason] = found[AdviceKind.NOT_FASTER].reasons
    assert reason.cause is Cause.FLOAT_OPERATORS
    assert reason.text == (
        "40 % of the multiply-accumulates are computed in float, most of them in convtranspose convtranspose_1 "
        "(there is no kernel)"
    )


def test_dynamic_convolutions_are_named() -> None:
    found = advice_on(row(FP32, 10.0), row(DYNAMIC, 160.0), operators=(heavy(9_000_000, operator="convinteger"),))
    [reason] = found[AdviceKind.NOT_FASTER].reasons
    assert reason.cause is Cause.DYNAMIC_CONVOLUTIONS
    assert "ConvInteger is not optimised" in reason.text


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"rounding": 30}, Cause.ROUNDING_BETWEEN),
        ({"partitions": 12}, Cause.PARTITIONS),
        ({"partitions": 0}, Cause.NOT_DELEGATED),
        ({"rounding": 2, "partitions": 1}, Cause.UNKNOWN),
    ],
)
def test_what_the_runtime_executes_is_a_reason(changes: dict[str, int], cause: Cause) -> None:
    found = advice_on(row(FP32, 10.0, partitions=1), replace(row(INT8, 12.0), **({"partitions": 1} | changes)))
    assert causes(found[AdviceKind.NOT_FASTER]) == {cause}


def test_a_small_model_is_a_reason() -> None:
    found = advice_on(row(FP32, 0.05), row(INT8, 0.06))
    assert causes(found[AdviceKind.NOT_FASTER]) == {Cause.SMALL_MODEL}
    found = advice_on(row(FP32, 1.0), row(INT8, 1.2), operators=(heavy(900_000),))
    assert causes(found[AdviceKind.NOT_FASTER]) == {Cause.SMALL_MODEL}


@pytest.mark.parametrize(
    ("precision", "cause"),
    [
        (Precision.INT8_WEIGHTS, Cause.FLOAT_BY_DESIGN),
        (Precision.INT16X8, Cause.NO_16_BIT_KERNELS),
        (FP16, Cause.NO_HALF_ARITHMETIC),
    ],
)
def test_other_precisions_have_reasons_of_their_own(precision: Precision, cause: Cause) -> None:
    no_half = Processor(machine="aarch64", name="a phone", features=("asimd", "asimddp"))
    found = advice_on(row(FP32, 10.0), row(precision, 12.0), processor=no_half)
    assert causes(found[AdviceKind.NOT_FASTER]) == {cause}


def test_a_processor_that_lists_nothing_is_blamed_for_nothing() -> None:
    found = advice_on(row(FP32, 10.0), row(INT8, 12.0), processor=Processor(machine="arm64", name="unknown"))
    assert causes(found[AdviceKind.NOT_FASTER]) == {Cause.UNKNOWN}


def test_a_file_that_does_not_shrink_has_a_reason() -> None:
    found = advice_on(row(FP32, 10.0), row(INT8, 5.0, bytes=3800), parameters=100)
    advice = found[AdviceKind.NOT_SMALLER]
    assert advice.text == "int8 is not smaller than fp32: 0.95 of its bytes"
    assert advice.reasons[0].text == "weights are 10 % of the fp32 file, and the rest does not shrink"
    found = advice_on(row(FP32, 10.0), row(INT8, 5.0, bytes=3800))
    assert causes(found[AdviceKind.NOT_SMALLER]) == {Cause.UNKNOWN}


def test_nothing_measured_is_no_advice() -> None:
    rows = (row(FP32, 1.0, milliseconds=None), row(INT8, 1.0, milliseconds=None))
    assert advise(rows, manifest_of(rows), VNNI) == ()

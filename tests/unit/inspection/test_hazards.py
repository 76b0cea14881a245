"""What an artifact computes otherwise than its source is found in its bytes; what it computes alike is not reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hazard_files import Step, litert_file, onnx_constant, onnx_file

from edgeproof.converters.artifact import Format
from edgeproof.converters.hazards import Hazard, HazardCode
from edgeproof.converters.inspection.hazards import hazards_in
from edgeproof.converters.inspection.variants import Axis, Gelu, Resize, Variants, Window
from edgeproof.converters.signature import Signature, TensorSpec

NOTHING = Variants()
LINEAR = Resize(mode="linear", rule="half-pixel", axes=(Axis(before=8, after=13),) * 2, place="net.py:7")
EXACT = Resize(mode="nearest", rule="half-pixel", rounding="half-up", axes=(Axis(before=8, after=13),) * 2)
CUBIC = Resize(mode="cubic", rule="half-pixel", coefficient=-0.5, axes=(Axis(before=8, after=16),) * 2)
SIZES = np.array([13, 13], np.int32)
WEIGHTS = np.zeros((4, 3, 3, 3), np.float32)
STRIDED = Window(kernel=(3, 3), stride=(2, 2), dilation=(1, 1), pads=((1, 1), (1, 1)), place="net.py:3")


def signature(shape: tuple[int | str, ...] = (1, 3, 8, 8), dtype: str = "float32") -> Signature:
    return Signature(
        inputs=(TensorSpec(name="x", dtype=dtype, shape=shape),),
        outputs=(TensorSpec(name="y", dtype=dtype, shape=shape),),
    )


def found(payload: bytes, format_name: str, source: Variants, about: Signature | None = None) -> list[Hazard]:
    return list(hazards_in(payload, format_name, about or signature(), source))


def onnx_resize(**attributes: Any) -> bytes:
    return onnx_file(Step(kind="Resize", options=attributes, constants=(SIZES.astype(np.int64),), blanks=2))


def litert_resize(kind: str, **options: Any) -> bytes:
    return litert_file(Step(kind=kind, options=options, constants=(SIZES,)))


@pytest.mark.parametrize(
    ("payload", "format_name", "source"),
    [
        (onnx_resize(mode="linear", coordinate_transformation_mode="asymmetric"), Format.ONNX, LINEAR),
        (onnx_resize(mode="linear", antialias=1), Format.ONNX, LINEAR),
        (onnx_resize(mode="nearest", coordinate_transformation_mode="half_pixel"), Format.ONNX, EXACT),
        (onnx_resize(mode="cubic"), Format.ONNX, CUBIC),
        (litert_resize("RESIZE_BILINEAR", alignCorners=True), Format.LITERT, LINEAR),
        (litert_resize("RESIZE_BILINEAR"), Format.LITERT, LINEAR),
        (litert_resize("RESIZE_NEAREST_NEIGHBOR"), Format.LITERT, EXACT),
    ],
)
def test_another_resize_is_a_hazard(payload: bytes, format_name: str, source: Resize):
    source = replace(source, axes=(Axis(before=8, after=4),) * 2) if source is EXACT else source
    (hazard,) = found(payload, format_name, Variants(resizes=(source,)))
    assert hazard.code is HazardCode.RESIZE_MODE
    assert hazard.places == (source.place,)


@pytest.mark.parametrize(
    ("payload", "format_name", "source"),
    [
        (onnx_resize(mode="linear"), Format.ONNX, LINEAR),
        (onnx_resize(mode="linear", coordinate_transformation_mode="pytorch_half_pixel"), Format.ONNX, LINEAR),
        (onnx_resize(mode="nearest", nearest_mode="round_prefer_ceil"), Format.ONNX, EXACT),
        (onnx_resize(mode="cubic", cubic_coeff_a=-0.5), Format.ONNX, CUBIC),
        (litert_resize("RESIZE_BILINEAR", halfPixelCenters=True), Format.LITERT, LINEAR),
        (litert_resize("RESIZE_NEAREST_NEIGHBOR", halfPixelCenters=True), Format.LITERT, EXACT),
        (litert_resize("RESIZE_BILINEAR"), Format.LITERT, EXACT),
    ],
)
def test_the_same_resize_and_one_of_another_kind_are_none(payload: bytes, format_name: str, source: Resize):
    assert found(payload, format_name, Variants(resizes=(source,))) == []


def test_a_factor_that_the_artifact_keeps_is_none_and_one_that_it_replaces_is_a_hazard():
    source = Variants(resizes=(replace(LINEAR, axes=(Axis(before=8, after=13, scale=1.7),) * 2),))
    factors = np.array([1, 1, 1.7, 1.7], np.float32)
    kept = onnx_file(Step(kind="Resize", options={"mode": "linear"}, constants=(factors,), blanks=1))
    assert found(kept, Format.ONNX, source) == []
    (hazard,) = found(onnx_resize(mode="linear"), Format.ONNX, source)
    assert "by its factors (1.7, 1.7)" in hazard.reason


def onnx_convolution(*before: Step, **attributes: Any) -> bytes:
    return onnx_file(*before, Step(kind="Conv", options={"strides": [2, 2], **attributes}, constants=(WEIGHTS,)))


def litert_convolution(*before: Step, padding: int) -> bytes:
    options = {"strideH": 2, "strideW": 2, "dilationHFactor": 1, "dilationWFactor": 1, "padding": padding}
    return litert_file(*before, Step(kind="CONV_2D", options=options, constants=(np.moveaxis(WEIGHTS, 1, -1),)))


def litert_pad(*counts: tuple[int, int]) -> Step:
    return Step(kind="PAD", constants=(np.array(counts, np.int32),))


ASYMMETRIC = [
    (onnx_convolution(auto_pad="SAME_UPPER"), Format.ONNX),
    (onnx_convolution(pads=[0, 0, 1, 1]), Format.ONNX),
    (litert_convolution(padding=0), Format.LITERT),
    (litert_convolution(litert_pad((0, 0), (0, 1), (0, 1), (0, 0)), padding=1), Format.LITERT),
]


@pytest.mark.parametrize(("payload", "format_name"), ASYMMETRIC)
def test_zeros_behind_an_image_in_place_of_zeros_around_it_are_a_hazard(payload: bytes, format_name: str):
    (hazard,) = found(payload, format_name, Variants(windows=(STRIDED,)))
    assert hazard.code is HazardCode.ASYMMETRIC_PADDING
    assert "by 0+1, 0+1, and the source 1+1, 1+1" in hazard.reason


@pytest.mark.parametrize(("payload", "format_name"), ASYMMETRIC)
def test_zeros_behind_an_image_as_in_the_source_are_none(payload: bytes, format_name: str):
    assert found(payload, format_name, Variants(windows=(replace(STRIDED, pads=((0, 1), (0, 1))),))) == []


def test_zeros_on_the_way_to_a_convolution_count_also_through_a_transposition():
    turned = Step(kind="TRANSPOSE", constants=(np.array([0, 2, 3, 1], np.int32),))
    whole = litert_convolution(litert_pad((0, 0), (0, 0), (1, 1), (1, 1)), turned, padding=1)
    assert found(whole, Format.LITERT, Variants(windows=(STRIDED,))) == []
    before = Step(kind="Pad", constants=(np.array([0, 0, 1, 1, 0, 0, 1, 1]),))
    assert found(onnx_convolution(before), Format.ONNX, Variants(windows=(STRIDED,))) == []


def test_zeros_that_do_not_follow_an_open_size_are_a_hazard():
    source = Variants(windows=(replace(STRIDED, pads=None),))
    (hazard,) = found(onnx_convolution(pads=[0, 0, 1, 1]), Format.ONNX, source)
    assert "by what the size of its input asks for" in hazard.reason


def test_a_convolution_that_the_source_does_not_have_is_no_hazard():
    assert found(onnx_convolution(pads=[0, 0, 1, 1]), Format.ONNX, Variants(windows=())) == []


@pytest.mark.parametrize(
    ("payload", "format_name"),
    [
        (onnx_file(Step(kind="Gelu", options={"approximate": "tanh"})), Format.ONNX),
        (litert_file(Step(kind="GELU", options={"approximate": True})), Format.LITERT),
    ],
)
def test_a_tanh_gelu_is_a_hazard_for_a_source_with_erf_alone(payload: bytes, format_name: str):
    (hazard,) = found(payload, format_name, Variants(gelus=(Gelu(curve="erf", place="net.py:9"),)))
    assert hazard.code is HazardCode.GELU_VARIANT
    assert hazard.places == ("net.py:9",)
    assert found(payload, format_name, Variants(gelus=(Gelu(curve="tanh"),))) == []
    assert found(payload, format_name, Variants(gelus=(Gelu(curve="erf"),), curves=frozenset({"tanh"}))) == []


def test_an_interface_of_int32_for_one_of_int64_is_a_hazard():
    payload = litert_file(Step(kind="ABS"), shape=(2, 3), dtype="int32")
    hazards = found(payload, Format.LITERT, NOTHING, signature((2, 3), "int64"))
    assert [hazard.code for hazard in hazards] == [HazardCode.NARROWED_INTEGERS] * 2
    assert found(payload, Format.LITERT, NOTHING, signature((2, 3), "int32")) == []


def test_wide_constants_that_are_gone_are_a_hazard_and_kept_ones_are_none():
    source = Variants(wide=("net.py:4",))
    narrow, wide = (onnx_constant(np.array([7, 8], dtype)) for dtype in (np.int32, np.int64))
    (hazard,) = found(narrow, Format.ONNX, source, signature((2,), "int32"))
    assert (hazard.code, hazard.places) == (HazardCode.NARROWED_INTEGERS, ("net.py:4",))
    assert found(wide, Format.ONNX, source, signature((2,), "int64")) == []


def test_a_dimension_that_the_artifact_closed_is_a_hazard_and_an_open_one_is_none():
    about = signature(("batch", 3, 8, 8))
    (hazard,) = found(onnx_file(Step(kind="Abs")), Format.ONNX, NOTHING, about)
    assert hazard.code is HazardCode.FIXED_DIMENSION
    assert "axis 0 of the input 'x' (batch)" in hazard.reason
    assert found(onnx_file(Step(kind="Abs"), shape=("n", 3, 8, 8)), Format.ONNX, NOTHING, about) == []


def test_a_file_that_cannot_be_read_is_said_to_be_unread():
    (hazard,) = found(b"\xff" * 40, Format.LITERT, NOTHING)
    assert hazard.code is HazardCode.UNREAD


def test_torchscript_and_formats_of_others_are_not_looked_at():
    assert found(b"", Format.TORCHSCRIPT, NOTHING) == []
    assert found(b"", "coreml", NOTHING) == []

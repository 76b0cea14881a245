"""Resize agrees with ONNX Runtime in every mode, by torch's own interpolation where that is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx_graphs import as_tensors, assert_same, floats, numbers, one_node

from edgeproof.converters.errors import UnsupportedOperators
from edgeproof.converters.from_onnx.module import module_from_onnx

_DATA = floats(1, 2, 6, 5)
_NONE = np.zeros(0, np.float32)
_COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
_SIZES = [(12, 10), (9, 8), (4, 3), (6, 5), (3, 10), (1, 1)]


def _resized(sizes: tuple[int, ...], *, opset: int = 17, **attributes: Any) -> Any:
    given = [_DATA, None, None, numbers(1, 2, *sizes)]
    return one_node("Resize", given, weights=".www", opset=opset, **attributes)


@pytest.mark.parametrize("sizes", _SIZES)
@pytest.mark.parametrize("transform", _COORDINATES)
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_nearest_reads_the_same_places(sizes: tuple[int, ...], transform: str, rounding: str):
    model = _resized(sizes, mode="nearest", coordinate_transformation_mode=transform, nearest_mode=rounding)
    assert_same(*model, exported=(rounding, sizes) == ("floor", (9, 8)))


@pytest.mark.parametrize("sizes", _SIZES)
@pytest.mark.parametrize("transform", _COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_linear_and_cubic_agree(sizes: tuple[int, ...], transform: str, mode: str):
    assert_same(*_resized(sizes, mode=mode, coordinate_transformation_mode=transform), exported=sizes == (9, 8))


@pytest.mark.parametrize("outside", [0, 1])
def test_tensorflows_cubic_kernel_agrees(outside: int):
    assert_same(*_resized((9, 8), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=outside))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 2), (1, 1, 0.6, 1.7), (1, 1, 0.44, 0.8)])
def test_scales_are_used_as_they_are(mode: str, scales: tuple[float, ...]):
    given = [floats(1, 2, 25, 5), None, np.array(scales, np.float32)]
    assert_same(*one_node("Resize", given, weights=".ww", mode=mode))
    assert_same(*one_node("Resize", [given[0], given[2]], weights=".w", opset=10, mode=mode))


@pytest.mark.parametrize("rank", [1, 3])
def test_one_and_three_axes_are_resized(rank: int):
    given = [floats(1, 2, *[4] * rank), None, None, numbers(1, 2, *[7, 5, 6][:rank])]
    for mode in ("nearest", "linear"):
        assert_same(*one_node("Resize", given, weights=".www", mode=mode))


def test_channels_last_is_resized_where_it_is():
    given = [floats(1, 6, 5, 2), None, None, numbers(1, 9, 7, 2)]
    assert_same(*one_node("Resize", given, weights=".www", mode="linear"))


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_the_ratio_is_kept(policy: str):
    given = [_DATA, None, None, numbers(9, 13)]
    options = {"axes": [2, 3], "keep_aspect_ratio_policy": policy, "mode": "nearest"}
    assert_same(*one_node("Resize", given, weights=".www", opset=18, **options))


def test_symmetric_half_pixels_agree():
    given = [_DATA, None, np.array([1, 1, 0.6, 0.7], np.float32)]
    options = {"coordinate_transformation_mode": "half_pixel_symmetric", "mode": "linear"}
    assert_same(*one_node("Resize", given, weights=".ww", opset=19, **options))


def test_tensorflows_nearest_reads_the_middle():
    # ONNX Runtime gives half a pixel less than TensorFlow at some sizes, so the places are said here.
    model, inputs = _resized(
        (4, 3), mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor"
    )
    (result,) = module_from_onnx(model)(*as_tensors(inputs))
    assert np.array_equal(result.numpy(), _DATA[:, :, [0, 2, 3, 5]][:, :, :, [0, 2, 4]])


@pytest.mark.parametrize(
    "attributes",
    [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"},
        {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"},
    ],
)
def test_nearest_reads_the_same_places_when_sizes_are_dynamic(attributes: dict[str, Any]):
    model, inputs = _resized((9, 8), mode="nearest", **attributes)
    module = module_from_onnx(model)
    dynamic = (({2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},),)
    program = torch.export.export(module, as_tensors(inputs), dynamic_shapes=dynamic).module()
    other = torch.randn(1, 2, 5, 11)
    assert torch.equal(program(other)[0], module(other)[0])


@pytest.mark.parametrize(
    ("attributes", "mode"),
    [
        ({"mode": "linear"}, "upsample_bilinear2d"),
        ({"mode": "cubic"}, "upsample_bicubic2d"),
        (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            "upsample_nearest2d",
        ),
    ],
)
def test_torch_interpolates_where_it_means_the_same(attributes: dict[str, Any], mode: str):
    model, inputs = _resized((12, 10), **attributes)
    program = torch.export.export(assert_same(model, inputs), as_tensors(inputs))
    assert [node for node in program.graph.nodes if mode in str(node.target)]


@pytest.mark.parametrize(
    "attributes", [{"antialias": 1, "mode": "linear"}, {"coordinate_transformation_mode": "tf_crop_and_resize"}]
)
def test_what_torch_cannot_do_is_refused_in_words(attributes: dict[str, Any]):
    model, inputs = _resized((4, 3), opset=18, **attributes)
    with pytest.raises(UnsupportedOperators, match="the_resize"):
        module_from_onnx(model)(*as_tensors(inputs))

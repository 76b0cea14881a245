"""NCHW and NHWC: which tensors change, and that the way back is the way there."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.converters.errors import UsageError
from edgeproof.converters.job import ConvertOptions, Layout
from edgeproof.converters.layouts import layouts_of, move_axes, to_artifact, to_source
from edgeproof.converters.signature import Signature, TensorSpec

IMAGE = Signature(
    inputs=(
        TensorSpec(name="image", dtype="float32", shape=("batch", 3, 8, 9)),
        TensorSpec(name="scale", dtype="float32", shape=(1,)),
    ),
    outputs=(TensorSpec(name="label", dtype="float32", shape=("batch", 10)),),
)
NHWC = ConvertOptions(input_layout=Layout.NHWC)


def test_only_images_change() -> None:
    assert layouts_of(IMAGE, NHWC, of_source=Layout.NCHW) == {"image": "nhwc"}
    assert layouts_of(IMAGE, NHWC, of_source=Layout.NHWC) == {}


def test_an_option_without_an_image_is_refused() -> None:
    with pytest.raises(UsageError, match="four axes"):
        layouts_of(IMAGE, ConvertOptions(output_layout=Layout.NHWC), of_source=Layout.NCHW)


def test_shapes_follow() -> None:
    moved = move_axes(IMAGE, {"image": "nhwc"})
    assert [spec.shape for spec in moved.inputs] == [("batch", 8, 9, 3), (1,)]


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_values_come_back(layout: str) -> None:
    call = {"image": np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5), "scale": np.ones(1)}
    there = to_artifact(call, {"image": layout})
    assert there["image"].flags.c_contiguous
    back = to_source(there, {"image": layout})
    assert np.array_equal(back["image"], call["image"])
    assert there["image"].shape != call["image"].shape

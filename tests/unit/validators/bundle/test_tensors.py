"""What a bundle says of tensors: layouts from what makes the image, scales from the file, by name or by place."""

from __future__ import annotations

import pytest

from edgeproof.converters.inspection.findings import TensorFacts
from edgeproof.converters.job import Layout
from edgeproof.converters.manifest import ArtifactRecord
from edgeproof.converters.precision import Precision
from edgeproof.converters.preprocessing.spec import ImageSpec
from edgeproof.converters.signature import TensorSpec
from edgeproof.validators.bundle.tensors import Known, tensors_of

IMAGE = TensorSpec(name="image", dtype="float32", shape=(1, 8, 8, 3))


def _record(**layouts: str) -> ArtifactRecord:
    return ArtifactRecord(
        file="net.tflite", format="litert", backend="xnnpack", precision=Precision.INT8_FULL, sha256="", bytes=1,
        inputs=(IMAGE,), outputs=(), layouts=layouts,
    )  # fmt: skip


def _known(framework: str, layout: Layout | None) -> Known:
    spec = None if layout is None else ImageSpec(input="image", layout=layout, divisor=127.5, mean=(1.0, 1.0, 1.0))
    return Known(framework=framework, spec=spec, ranges={"image": (0.0, 0.5)})


@pytest.mark.parametrize(
    ("framework", "stated", "moved", "expected"),
    [
        ("torch", None, None, "nchw"),
        ("keras", None, None, "nhwc"),
        ("torch", Layout.NHWC, None, "nhwc"),
        ("keras", Layout.NCHW, None, "nchw"),
        ("torch", Layout.NCHW, "nhwc", "nhwc"),
    ],
)
def test_the_layout_is_that_of_the_specification_and_then_the_frameworks(
    framework: str, stated: Layout | None, moved: str | None, expected: str
):
    record = _record(**({"image": moved} if moved else {}))
    (tensor,) = tensors_of((IMAGE,), (), record, _known(framework, stated))
    assert tensor.layout == expected
    assert tensor.range == ((-1.0, 1.0) if stated else (0.0, 0.5))


@pytest.mark.parametrize("name", ["image", "tensor_of_a_compiler"])
def test_integers_have_their_scale_whatever_the_compiler_called_them(name: str):
    fact = TensorFacts(name=name, dtype="int8", shape=(1, 8, 8, 3), scale=0.5, zero_point=-3)
    (tensor,) = tensors_of((IMAGE,), (fact,), _record(), _known("keras", None))
    assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 0.5, -3)
    assert tensor.quantize == "q = clamp(round_half_to_even(real / 0.5) + -3, -128, 127)"
    assert tensor.dequantize == "real = (q - -3) * 0.5"

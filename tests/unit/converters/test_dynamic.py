"""Dynamic dimensions from their texts to other sizes."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.converters.dynamic import apply_dynamic, parse_dynamic, resized
from edgeproof.converters.errors import UsageError
from edgeproof.converters.signature import Dim, Signature, TensorSpec

TWO = Signature(
    inputs=(
        TensorSpec(name="left", dtype="float32", shape=(2, 3)),
        TensorSpec(name="ids", dtype="int64", shape=(2, 5)),
    ),
    outputs=(),
)


def test_the_batch_axes_share_a_dimension_and_others_have_their_own() -> None:
    dims = parse_dynamic(("left.0=1..8", "ids.0=1..8", "ids.1=2..16", "state.0.2=time:1..4"))
    assert dims == {
        "left.0": Dim(name="batch", min=1, max=8),
        "ids.0": Dim(name="batch", min=1, max=8),
        "ids.1": Dim(name="ids_1", min=2, max=16),
        "state.0.2": Dim(name="time", min=1, max=4),
    }


@pytest.mark.parametrize("text", ["left", "left.0", "left.0=8", "left.0=8..1", "left.0=0..4", "left.0=3..3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_dynamic((text,))
    assert caught.value.fix


def test_a_signature_names_its_dynamic_axes() -> None:
    signature = apply_dynamic(TWO, parse_dynamic(("left.0=1..8", "ids.0=1..8")))
    assert [spec.shape for spec in signature.inputs] == [("batch", 3), ("batch", 5)]
    assert signature.dims == (Dim(name="batch", min=1, max=8),)


@pytest.mark.parametrize("text", ["gone.0=1..8", "left.7=1..8", "left.0=4..8", "left.0=1..1"])
def test_axes_that_do_not_exist_or_fit_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        apply_dynamic(TWO, parse_dynamic((text,)))


def test_one_dimension_has_one_range() -> None:
    with pytest.raises(UsageError, match="two different bounds"):
        apply_dynamic(TWO, parse_dynamic(("left.0=1..8", "ids.0=1..4")))


def test_another_size_repeats_the_values_that_were_seen() -> None:
    signature = apply_dynamic(TWO, parse_dynamic(("left.0=1..8", "ids.0=1..8")))
    arrays = {"left": np.arange(6, dtype=np.float32).reshape(2, 3), "ids": np.full((2, 5), 7)}
    other = resized(arrays, signature, signature.dims[0])
    assert other["left"].shape == (3, 3)
    assert other["ids"].shape == (3, 5)
    assert other["left"][2].tolist() == arrays["left"][0].tolist()
    assert resized(arrays, signature, signature.dims[0], size=1)["left"].tolist() == [[0, 1, 2]]


def test_at_its_upper_bound_a_dimension_shrinks() -> None:
    signature = apply_dynamic(TWO, parse_dynamic(("left.0=1..2",)))
    arrays = {"left": np.ones((2, 3), np.float32), "ids": np.ones((2, 5), np.int64)}
    assert resized(arrays, signature, signature.dims[0])["left"].shape == (1, 3)

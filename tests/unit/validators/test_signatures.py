"""A file's declared signature beside the source's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeproof.converters.signature import Dim, Signature, TensorSpec
from edgeproof.validators.parity import Cause
from edgeproof.validators.signatures import check_signature

A = TensorSpec(name="a", dtype="float32", shape=("batch", 3, 8, 8))
B = TensorSpec(name="b", dtype="int64", shape=("batch", 5))
Y = TensorSpec(name="y", dtype="float32", shape=("batch", 2))
SOURCE = Signature(inputs=(A, B), outputs=(Y,), dims=(Dim(name="batch", min=1, max=4),))


def codes(declared: Signature, layouts: dict[str, str] | None = None) -> list[Cause]:
    return [finding.code for finding in check_signature(SOURCE, declared, layouts=layouts or {})]


def test_the_same_signature_has_no_findings():
    assert codes(SOURCE) == []


def test_a_size_the_file_leaves_open_is_no_finding():
    anything = replace(A, shape=("batch", "a.1", "a.2", "a.3"))
    assert codes(replace(SOURCE, inputs=(anything, B))) == []


@pytest.mark.parametrize(
    ("declared", "cause"),
    [
        (replace(SOURCE, inputs=(B, A)), Cause.INPUT_ORDER),
        (replace(SOURCE, inputs=(A,)), Cause.INPUT_NAMES),
        (replace(SOURCE, inputs=(replace(A, name="args_0"), B)), Cause.INPUT_NAMES),
        (replace(SOURCE, outputs=(Y, B)), Cause.MISSING_OUTPUT),
        (replace(SOURCE, outputs=()), Cause.MISSING_OUTPUT),
        (replace(SOURCE, inputs=(A, replace(B, dtype="int32"))), Cause.INPUT_DTYPE),
        (replace(SOURCE, outputs=(replace(Y, dtype="float16"),)), Cause.DTYPE),
        (replace(SOURCE, inputs=(replace(A, shape=("batch", 8, 8, 3)), B)), Cause.INPUT_SHAPE),
        (replace(SOURCE, outputs=(replace(Y, shape=("batch", 2, 1)),)), Cause.SHAPE),
        (replace(SOURCE, inputs=(A, replace(B, shape=(1, 5)))), Cause.DYNAMIC_FIXED),
        (replace(SOURCE, outputs=(replace(Y, shape=(1, 2)),)), Cause.DYNAMIC_FIXED),
    ],
)
def test_a_difference_is_found(declared: Signature, cause: Cause):
    assert codes(declared) == [cause]


def test_two_outputs_in_another_order_are_found():
    source = replace(SOURCE, outputs=(Y, B))
    (finding,) = check_signature(source, replace(SOURCE, outputs=(B, Y)), layouts={})
    assert finding.code is Cause.OUTPUT_ORDER


def test_a_layout_that_was_asked_for_is_expected():
    moved = replace(SOURCE, inputs=(replace(A, shape=("batch", 8, 8, 3)), B))
    assert codes(moved, {"a": "nhwc"}) == []
    assert codes(SOURCE, {"a": "nhwc"}) == [Cause.INPUT_SHAPE]

from __future__ import annotations

from artifacts import golden

from edgeproof.converters.inspection.findings import Inspection
from edgeproof.converters.inspection.inspect import inspect_artifact

_WEIGHTS = 2 * (2 * 2 * 9 + 2) + 2 * 3 + 3  # two 3x3 convolutions of width 2, a linear layer of 2 to 3


def _inspect(name: str) -> Inspection:
    return inspect_artifact(golden(name))


def test_partitions_show_what_xnnpack_was_given() -> None:
    partitions = _inspect("net.pte").contents.partitions
    assert [partition.backend for partition in partitions] == ["XnnpackBackend", "XnnpackBackend"]
    assert partitions[0].operators == {"Add": 2, "Conv2d": 2, "StaticTranspose": 2}
    assert partitions[1].operators == {"Add": 1, "FullyConnected": 1}
    assert all(partition.calls == 1 and partition.bytes > 0 for partition in partitions)


def test_operators_outside_of_partitions_are_counted() -> None:
    found = _inspect("net.pte")
    assert found.contents.operators == {"aten::cumsum.out": 1, "aten::mean.out": 1}
    assert found.undelegated == 2


def test_a_portable_program_has_no_partition() -> None:
    found = _inspect("portable.pte")
    assert found.contents.partitions == ()
    assert found.contents.operators["aten::convolution.out"] == 2
    assert found.undelegated == 11


def test_weights_are_the_same_whether_a_backend_holds_them_or_the_program() -> None:
    for name in ("net.pte", "portable.pte"):
        weights = _inspect(name).contents.weights
        assert weights.elements == {"float32": _WEIGHTS}
        assert weights.bytes == 4 * _WEIGHTS


def test_dynamic_shapes_are_upper_bounds() -> None:
    contents = _inspect("dynamic.pte").contents
    assert contents.inputs[0].shape == ("<=8", "<=2", "<=4", "<=4")
    assert any("upper bounds" in note for note in contents.notes)


def test_constant_methods_are_metadata() -> None:
    assert _inspect("net.pte").contents.metadata == {"labels": "cat, dog, cow", "classes": "3"}


def test_the_extended_header_is_read() -> None:
    assert _inspect("net.pte").contents.versions["extended header"] == "32 bytes"

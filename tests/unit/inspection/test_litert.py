from __future__ import annotations

from artifacts import golden

from edgeproof.converters.inspection.findings import Contents, TensorFacts
from edgeproof.converters.inspection.inspect import inspect_artifact


def _contents(name: str) -> Contents:
    return inspect_artifact(golden(name)).contents


def test_operators_are_counted_by_their_schema_names() -> None:
    assert _contents("net.tflite").operators == {
        "TRANSPOSE": 4, "ADD": 3, "CONV_2D": 2, "CUMSUM": 1, "FULLY_CONNECTED": 1, "MEAN": 1,
    }  # fmt: skip


def test_inputs_and_outputs_carry_the_names_of_the_signature() -> None:
    contents = _contents("net.tflite")
    assert contents.inputs == (
        TensorFacts(name="args_0", dtype="float32", shape=(2, 2, 4, 4)),
        TensorFacts(name="args_1", dtype="float32", shape=(2, 2)),
    )
    assert [fact.name for fact in contents.outputs] == ["output_0", "output_1"]


def test_a_dynamic_dimension_is_no_number() -> None:
    assert _contents("dynamic.tflite").inputs[0].shape == ("?", 4, 4, 2)


def test_a_quantised_tensor_has_scale_and_zero_point() -> None:
    image = _contents("int8.tflite").inputs[0]
    assert image.dtype == "int8"
    assert image.scale is not None
    assert 0.005 < image.scale < 0.1
    assert image.zero_point is not None
    assert -128 <= image.zero_point <= 127


def test_weights_of_an_int8_model_are_mostly_int8() -> None:
    weights = _contents("int8.tflite").weights
    assert weights.elements["int8"] > weights.elements["int32"]
    assert weights.bytes < _contents("dynamic.tflite").weights.bytes


def test_flex_operators_are_called_out() -> None:
    contents = _contents("flex.tflite")
    assert contents.operators["CUSTOM FlexMatrixInverse"] == 1
    assert any("Flex delegate" in note and "MatrixInverse" in note for note in contents.notes)


def test_a_model_without_a_signature_says_so() -> None:
    assert any("no signature" in note for note in _contents("flex.tflite").notes)


def test_versions_name_schema_runtime_and_converter() -> None:
    versions = _contents("dynamic.tflite").versions
    assert versions["schema"] == "3"
    assert versions["minimum runtime"].count(".") == 2
    assert versions["converter (TensorFlow)"].startswith("2.")

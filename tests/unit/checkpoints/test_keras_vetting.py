from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters.checkpoints.keras_files import read_architecture
from edgeproof.converters.checkpoints.keras_vetting import bind, foreign_in, vet, without_training
from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.errors import UnsafeInput
from edgeproof.converters.source import Opening, Trust

NONE = Opening()


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def layer(
    kind: str, *, module: str | None = "keras.layers", registered: str | None = None, **config: Any
) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "it", **config}, "registered_name": registered}


def function(name: str, module: str, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def refused(config: Any, opening: Opening = NONE) -> UnsafeInput:
    with pytest.raises(UnsafeInput) as caught:
        vet(config, Path("model.keras"), opening)
    return caught.value


@pytest.mark.parametrize(
    "found",
    [
        layer("Dense", activation="relu", kernel_initializer=layer("GlorotUniform", module="keras.initializers")),
        layer("Add", module="keras.src.ops.numpy"),
        layer("DTypePolicy", module="keras"),
        layer("Functional", module="keras.src.models.functional", registered="Functional"),
        layer("Functional", module="keras.src.engine.functional", registered="Functional"),
        {"class_name": "Dense", "config": {"units": 2}},
        layer("Dense", activation=function("relu", "builtins", "relu")),
        layer("TFOpLambda", function="math.multiply"),
        layer("TFOpLambda", function="compat.v1.transpose"),
        layer("SlicingOpLambda", function="_slice"),
        layer("StringLookup", vocabulary=["a", "b"]),
        {"class_name": "__tuple__", "items": [1, 2]},
        {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}},
    ],
)
def test_what_keras_brings_is_taken(found: dict[str, Any]) -> None:
    vet(model(found), Path("model.keras"), NONE)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        # CVE-2024-3660, CVE-2025-9905: marshalled code in a Lambda layer, in both ways of writing it
        (layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wAA"}}), "Lambda layer"),
        (layer("Lambda", module=None, function=["4wAA", None, None], function_type="lambda"), "Lambda layer"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "4wAA"}}), "Python code"),
        # CVE-2025-1550: any module's function by its name
        (layer("Dense", activation=function("system", "os")), "function system of the module os"),
        (layer("system", module="os"), "class system of the module os"),
        (layer("Dense", module="os.path"), "module os.path"),
        (layer("Dense", module="keras.evil/../../x"), "module keras.evil"),
        # CVE-2025-8747: a function of Keras that fetches a file
        (layer("Dense", activation=function("get_file", "keras.utils")), "get_file"),
        # CVE-2025-9906: a function of Keras that turns the safe mode off
        (layer("Dense", activation=function("enable_unsafe_deserialization", "keras.config")), "enable_unsafe"),
        # CVE-2025-12058: a vocabulary that is a file or an address
        (layer("StringLookup", vocabulary="/etc/passwd"), "the file /etc/passwd"),
        (layer("TextVectorization", vocabulary="http://localhost/x"), "http://localhost/x"),
        (layer("TFSMLayer", filepath="elsewhere/x"), "TFSMLayer"),
        (layer("TorchModuleWrapper", module="keras.layers"), "TorchModuleWrapper"),
        (layer("TFOpLambda", function="io.write_file"), "io.write_file"),
        (layer("TFOpLambda", function="py_function"), "py_function"),
        (layer("TFOpLambda", function="math.add; import os"), "math.add; import os"),
        (layer("MyLayer", module="my.code", registered="Custom>MyLayer"), "Custom>MyLayer"),
        (layer("Dense", registered="evil>Dense"), "evil>Dense"),
        (layer("TimeDistributed", layer=layer("Mine", module=None)), "Mine"),
        ({"class_name": 3, "config": {}}, "without a name"),
        ({"class_name": "TypeSpec", "type_spec": "tf.X", "serialized": []}, "TypeSpec"),
    ],
)
def test_what_it_does_not_bring_is_refused_by_name(found: dict[str, Any], words: str) -> None:
    error = refused(model(layer("Dense"), found))
    assert words in error.message
    assert "--trust-code" in error.fix


def test_all_of_it_is_named_with_its_place() -> None:
    lambdas = {**layer("Lambda", function=["x"]), "config": {"name": "lambda_1", "function": ["x"]}}
    error = refused(model(lambdas, layer("Mine", module="m"), layer("Yours", module="m")))
    assert "layer 'lambda_1'" in error.message
    assert "--custom-objects path/to/file.py:Mine,Yours" in error.fix


def test_classes_of_the_user_s_own_are_taken() -> None:
    own = Opening(custom_objects="/place/file.py:Mine,scaled")
    mine = layer("Mine", module="m", registered="Custom>Mine")
    vet(model(mine, layer("Lambda", function="scaled")), Path("m.h5"), own)
    assert "Yours" in refused(model(mine, layer("Yours", module="m")), own).message


@pytest.mark.parametrize(
    "found",
    [
        layer("StringLookup", registered="Custom>Mine", vocabulary="/etc/passwd"),
        layer("TFSMLayer", registered="Custom>Mine", filepath="elsewhere"),
        layer("Mine", module="os", registered="system"),
        layer("Mine", module="os"),
    ],
)
def test_what_is_called_a_class_of_the_user_s_own_is_nothing_else(found: dict[str, Any]) -> None:
    bind(found, frozenset({"Mine"}))
    assert (found["class_name"], found["registered_name"]) == ("Mine", "Mine")


def test_files_are_read_with_the_user_s_own_classes_in_their_places(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model(layer("StringLookup", registered="Custom>Mine", vocabulary="/etc/passwd"))))
    config = read_architecture(path, Opening(custom_objects="/place/file.py:Mine")).config
    assert config is not None
    assert config["config"]["layers"][0]["class_name"] == "Mine"


def test_what_is_called_a_function_of_the_user_s_own_is_nothing_else() -> None:
    found = layer("Dense", activation=function("system", "os", "Custom>scaled"))
    bind(found, frozenset({"scaled"}))
    assert found["config"]["activation"] == function("scaled", "os", "scaled")
    assert found["class_name"] == "Dense"


@pytest.mark.parametrize(
    "more",
    [
        {"function_type": "lambda"},
        {"output_shape": ["4wAA", None, None], "output_shape_type": "lambda"},
        {"mask": ["4wAA", None, None], "mask_type": "lambda"},
    ],
)
def test_code_beside_a_function_of_the_user_s_own_is_refused(more: dict[str, Any]) -> None:
    own = Opening(custom_objects="/place/file.py:scaled")
    refused(model(layer("Lambda", function="scaled", **more)), own)


@pytest.mark.parametrize("odd", [["x"], {"x": 1}, 3, True, None])
def test_values_of_other_types_are_refused(odd: Any) -> None:
    refused(layer("Lambda", function=odd, function_type=odd or "lambda", mask_type=odd))
    refused({"class_name": "function", "config": odd, "module": "builtins"})
    refused({"class_name": odd, "config": odd})


def test_trust_allows_everything() -> None:
    vet(model(layer("Lambda", function=["x"])), Path("m.h5"), Opening(trust=(Trust.CODE,)))


def test_losses_and_metrics_are_left_out_everywhere() -> None:
    compiled = {**layer("Dense"), "compile_config": {"loss": layer("MyLoss", module="m")}}
    config = {**model(compiled), "compile_config": {"loss": function("mine", "__main__")}}
    bare = without_training(json.loads(json.dumps(config)))
    assert not list(foreign_in(bare, custom=frozenset()))
    assert "compile_config" not in json.dumps(bare)


def test_endless_nesting_is_damage() -> None:
    config: dict[str, Any] = {}
    for _ in range(500):
        config = {"config": config}
    with pytest.raises(Malformed):
        without_training(config)

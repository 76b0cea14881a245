"""Canaries in the configs of Keras files: code, names of other modules, and paths of files that layers would read."""

from __future__ import annotations

import base64
import copy
import json
import marshal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py

from .case import Canaries, Case

Config = dict[str, Any]


def keras_canaries(folder: Path, canaries: Canaries, golden: Path) -> Iterator[Case]:
    """All of them: each hostile layer in a .keras file, in HDF5 of Keras 3 and 2, and in JSON beside weights."""
    with zipfile.ZipFile(golden / "net.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config: Config = json.loads(members["config.json"])
    for name, layer in _layers(canaries):
        hostile = _with_layer(config, layer)
        yield _archive(folder / f"{name}.keras", {**members, "config.json": json.dumps(hostile).encode()}, name)
        for source in ("net.h5", "keras2.h5"):
            yield _hdf5(folder / f"{name}-{source}", golden / source, layer, name)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(hostile))
        yield Case(kind="canary: Keras", name=f"{name}.json", path=golden / "net.weights.h5", model=str(path))
    for name, change in _changes(canaries):
        hostile = copy.deepcopy(config)
        change(hostile)
        yield _archive(folder / f"{name}.keras", {**members, "config.json": json.dumps(hostile).encode()}, name)
    yield _archive(folder / "asset.keras", {**members, "assets/layers/text/vocabulary.txt": b"/etc/passwd"}, "asset")


def _archive(path: Path, members: dict[str, bytes], name: str) -> Case:
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return Case(kind="canary: Keras", name=f"{name}.keras", path=path)


def _hdf5(path: Path, source: Path, layer: Config, name: str) -> Case:
    path.write_bytes(source.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(_with_layer(json.loads(file.attrs["model_config"]), layer))
    return Case(kind="canary: Keras", name=f"{name} in {source.name}", path=path)


def _with_layer(config: Config, layer: Config) -> Config:
    changed = copy.deepcopy(config)
    changed["config"]["layers"].append(copy.deepcopy(layer))
    return changed


def _lambda_code(mark: str) -> tuple[str, None, None]:
    """A function that leaves the mark, as Keras stores functions: marshalled code in base64."""
    code = compile(f"lambda x: (open({mark!r}, 'w').close(), x)[1]", "hostile", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode(), None, None


def _layer(kind: str, module: str | None = "keras.layers", registered: str | None = None, **config: Any) -> Config:
    return {
        "module": module, "class_name": kind, "registered_name": registered,
        "config": {"name": "hostile", "trainable": True, "dtype": "float32", **config},
    }  # fmt: skip


def _layers(canaries: Canaries) -> Iterator[tuple[str, Config]]:
    code, _, _ = _lambda_code(canaries.mark("lambda"))
    stored = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    system = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    yield "lambda", _layer("Lambda", function=stored, arguments={})
    yield "lambda-2", _layer("Lambda", function=[code, None, None], function_type="lambda", module="hostile")
    yield "lambda-named", _layer("Lambda", function="os.system", function_type="function", module="os")
    yield (
        "lambda-of-a-name",
        _layer("Lambda", function=system, arguments={"command": f"touch {canaries.mark('lambda')}"}),
    )
    yield "lambda-registered", _layer("Lambda", "keras.src.layers.core.lambda_layer", "Package>Lambda", function=stored)
    yield "lambda-inside", _layer("TimeDistributed", layer=_layer("Lambda", function=stored))
    yield "lambda-as-activation", _layer("Dense", units=2, activation=stored)
    yield "lambda-as-initializer", _layer("Dense", units=2, kernel_initializer=stored)
    for module, name in (
        ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
        ("keras.src.utils.file_utils", "get_file"), ("keras.saving", "load_model"), ("keras.models", "load_model"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.src.backend.common.global_state", "set_global_attribute"),
        ("numpy", "load"), ("numpy.f2py.crackfortran", "getlincoef"), ("heapq", "nsmallest"),
        ("tensorflow", "py_function"),
        ("keras.src.saving.serialization_lib", "deserialize_keras_object"), ("keras.ops", "map"),
        ("keras.layers", "os"),
        ("keras.utils.audio_dataset_utils", "tf"), ("keras.callbacks", "LambdaCallback"),
        ("keras.src.ops.core", "fori_loop"),
    ):  # fmt: skip
        argument = f"touch {canaries.mark('module')}"
        yield f"module-{module}.{name}", _layer(name, module, command=argument, args=[argument], fname=argument)
        function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
        yield f"function-{module}.{name}", _layer("Activation", activation=function)
    yield "torch-module", _layer("TorchModuleWrapper", module={"class_name": "__tensor__", "config": {"value": "gASV"}})
    yield "tfsm", _layer("TFSMLayer", filepath=canaries.mark("tfsm"), call_endpoint="serve")
    yield "jax", _layer("JaxLayer", call_fn=stored)
    yield "flax", _layer("FlaxLayer", module=stored)
    for kind in ("StringLookup", "IntegerLookup", "TextVectorization"):
        yield f"{kind}-file", _layer(kind, vocabulary="/etc/passwd")
        yield f"{kind}-url", _layer(kind, vocabulary="http://127.0.0.1:9/vocabulary.txt")
    yield "registered", _layer("Custom", None, "Hostile>Custom")
    yield "ops", _layer("Operation", "keras.src.ops.operation", name="x")
    yield "sub-model-lambda", _layer("Sequential", "keras", layers=[_layer("Lambda", function=stored)])
    yield "tensorflow-op", _layer("TFOpLambda", function="io.write_file", module="keras.src.layers.core.tf_op_layer")


def _changes(canaries: Canaries) -> Iterator[tuple[str, Callable[[Config], None]]]:
    """Hostile places of a config that are no layer."""
    code, _, _ = _lambda_code(canaries.mark("config"))
    stored = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    yield (
        "loss",
        lambda config: config.update(compile_config={"optimizer": "adam", "loss": stored, "metrics": [stored]}),
    )
    yield "build", lambda config: config.update(build_config={"input_shape": stored})
    yield "class", lambda config: config.update(module="os", class_name="system")
    yield "registered-name", lambda config: config.update(registered_name="os>system")
    yield "dtype", lambda config: config["config"].update(dtype={"module": "os", "class_name": "system", "config": {}})
    yield "extra", lambda config: config["config"].update(extra=stored)
    yield "huge", lambda config: config["config"]["layers"][-1]["config"].update(units=1 << 40)
    yield "many", lambda config: config["config"].update(layers=config["config"]["layers"] * 3000)
    yield "deep", lambda config: config["config"].update(layers=_nested(config, 150))
    yield (
        "surrogate",
        lambda config: config["config"]["layers"][-1]["config"].update(name="\ud800", activation="\udcff"),
    )
    yield "surrogate-class", lambda config: config["config"]["layers"][-1].update(class_name="\ud800", module="\udcff")
    yield "none", lambda config: config.pop("config")
    yield "list", lambda config: config.update(config=[])


def _nested(config: Config, depth: int) -> list[Any]:
    layers = copy.deepcopy(config["config"]["layers"])
    for _ in range(depth):
        layers = [
            {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": layers}}
        ]
    return layers

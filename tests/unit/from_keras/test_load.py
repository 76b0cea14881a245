from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.backend.common import global_state
from published_files import needs, published

from edgeproof.converters.checkpoints.keras_source import identify
from edgeproof.converters.errors import EdgeproofError, SourceError, UnsafeInput
from edgeproof.converters.from_keras.load import load
from edgeproof.converters.job import IdentifyJob
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Framework, Opening, Source, Trust

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`"),
]
SLEEP = published("sleepecg", "sleepecg/classifiers/wrn-gru-mesa.zip")
FER = published("fer", "fer/data/emotion_model.hdf5")
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
FACTORY = """
import keras
def build(width=3):
    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(width), keras.layers.Dense(2)])
"""
OWN = """
import keras
@keras.saving.register_keras_serializable("mine")
class Scaled(keras.layers.Layer):
    def call(self, x):
        return 3 * x
def doubled(x):
    return 2 * x
"""


def plain(width: int = 3) -> keras.Model:
    return keras.Sequential([layers.Input((4,)), layers.Dense(width, activation="relu"), layers.Dense(2)])


def source_of(path: Path, *, model: Path | str | None = None, **opening: Any) -> Source:
    arguments = opening.pop("model_args", None)
    found = resolve(str(path), model=str(model) if model else None, model_args=arguments, opening=Opening(**opening))
    return identify(IdentifyJob(source=found))


def opened(path: Path, **options: Any) -> keras.Model:
    source = source_of(path, **options)
    assert source.framework is Framework.KERAS
    return load(source)[0]


def same(wanted: keras.Model, path: Path, **options: Any) -> None:
    np.testing.assert_allclose(opened(path, **options)(X), wanted(X), rtol=1e-6)


def with_config(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with another config, in a .keras archive or an HDF5 file."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_whole_models_come_back_whatever_they_were_compiled_with(tmp_path: Path, suffix: str) -> None:
    model = plain()
    model.compile("adam", loss=lambda wanted, found: wanted - found)
    model.save(tmp_path / f"m.{suffix}")
    same(model, tmp_path / f"m.{suffix}")


def test_operations_and_shared_layers_come_back(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    shared = layers.Dense(4)
    y = keras.ops.relu(shared(inputs)) * 2 + shared(keras.ops.exp(inputs))
    model = keras.Model(inputs, layers.LayerNormalization()(y))
    model.save(tmp_path / "m.keras")
    same(model, tmp_path / "m.keras")


@pytest.mark.parametrize("suffix", ["weights.h5", "keras", "h5"])
@pytest.mark.parametrize("architecture", ["arch.json", "model.py:build"])
def test_weights_go_into_a_factory_s_model_or_an_architecture(tmp_path: Path, suffix: str, architecture: str) -> None:
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    (tmp_path / "model.py").write_text(FACTORY)
    (tmp_path / "arch.json").write_text(model.to_json())
    path = tmp_path / f"m.{suffix}"
    if suffix == "weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    same(model, path, model=f"{tmp_path / architecture}")


def test_weights_of_keras_2_s_lists(tmp_path: Path) -> None:
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    model.save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "m.h5", "w") as file:
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", file)
        file.attrs.update(dict(whole["model_weights"].attrs))
    (tmp_path / "model.py").write_text(FACTORY)
    same(model, tmp_path / "m.h5", model=f"{tmp_path / 'model.py'}:build")


def test_weights_without_an_architecture(tmp_path: Path) -> None:
    plain().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(SourceError, match="weights only") as caught:
        opened(tmp_path / "m.weights.h5")
    assert "--model" in caught.value.fix


@pytest.mark.parametrize("suffix", ["weights.h5", "h5"])
def test_misshaped_weights_are_counted_and_shown(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "model.py").write_text(FACTORY)
    path = tmp_path / f"m.{suffix}"
    plain().save_weights(path) if suffix == "weights.h5" else plain().save(path)
    with pytest.raises(SourceError, match=r"3 mis-shaped \(.*4x3 for 4x7"):
        opened(path, model=f"{tmp_path / 'model.py'}:build", model_args={"width": "7"})


@pytest.mark.parametrize("suffix", ["weights.h5", "h5"])
def test_missing_weights_are_counted_and_shown(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "model.py").write_text(FACTORY)
    path = tmp_path / f"m.{suffix}"
    short = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="dense")])
    short.save_weights(path) if suffix == "weights.h5" else short.save(path)
    with pytest.raises(SourceError, match=r"missing \("):
        opened(path, model=f"{tmp_path / 'model.py'}:build")


def test_weights_of_a_model_that_is_not_built(tmp_path: Path) -> None:
    plain().save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "model.py").write_text(
        "import keras\ndef build():\n    return keras.Sequential([keras.layers.Dense(3)])\n"
    )
    with pytest.raises(SourceError, match="before its first call"):
        opened(tmp_path / "m.weights.h5", model=f"{tmp_path / 'model.py'}:build")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_marshalled_code_never_runs_unless_it_is_trusted(tmp_path: Path, suffix: str) -> None:
    place = str(tmp_path / "canary")
    firing = layers.Lambda(lambda x: (__import__("pathlib").Path(place).write_text("fired"), x)[1], output_shape=(4,))
    path = tmp_path / f"m.{suffix}"
    keras.Sequential([layers.Input((4,)), firing]).save(path)
    Path(place).unlink(missing_ok=True)
    keras.config.enable_unsafe_deserialization()  # whatever Keras itself would allow
    try:
        with pytest.raises(UnsafeInput, match="Lambda"):
            opened(path)
        assert not Path(place).exists()
        assert opened(path, trust=(Trust.CODE,)) is not None
    finally:
        global_state.set_global_attribute("safe_mode_saving", None)


def _references(module: str, name: str) -> Callable[[dict[str, Any]], None]:
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}

    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["activation"] = function

    return change


def _module(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {"module": "canary", "class_name": "Fires", "registered_name": "Fires"}


def _vocabulary(config: dict[str, Any]) -> None:
    inner = {"name": "words", "vocabulary": "http://127.0.0.1:1/words.txt"}
    config["config"]["layers"][1] = {"module": "keras.layers", "class_name": "StringLookup", "config": inner}


def _saved_model(config: dict[str, Any]) -> None:
    inner = {"name": "t", "filepath": "elsewhere"}
    config["config"]["layers"][1] = {"module": "keras.layers", "class_name": "TFSMLayer", "config": inner}


def _nested_losses(config: dict[str, Any]) -> None:
    lost = {"module": "canary", "class_name": "function", "config": "fires", "registered_name": "fires"}
    config["config"]["layers"][1]["compile_config"] = {"optimizer": "adam", "loss": lost}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(
    "change",
    [
        _references("os", "system"),
        _references("builtins", "eval"),
        _references("keras.utils", "get_file"),
        _references("keras.config", "enable_unsafe_deserialization"),
        _module,
        _vocabulary,
        _saved_model,
    ],
)
def test_configs_that_name_code_or_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, change: Callable[[dict[str, Any]], None]
) -> None:
    (tmp_path / "canary.py").write_text("raise SystemExit('fired')\n")
    monkeypatch.syspath_prepend(tmp_path)
    plain().save(tmp_path / f"m.{suffix}")
    with pytest.raises(UnsafeInput) as caught:
        source_of(with_config(tmp_path / f"m.{suffix}", change))
    assert "--trust-code" in caught.value.fix


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_losses_anywhere_in_a_config_are_never_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    (tmp_path / "canary.py").write_text("raise SystemExit('fired')\n")
    monkeypatch.syspath_prepend(tmp_path)
    model = plain()
    model.save(tmp_path / f"m.{suffix}")
    same(model, with_config(tmp_path / f"m.{suffix}", _nested_losses))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_classes_and_functions_of_the_user_s_own(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "own.py").write_text(OWN)
    names: dict[str, Any] = {}
    exec(OWN, names)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, activation=names["doubled"]), names["Scaled"]()])
    path = tmp_path / f"m.{suffix}"
    model.save(path)
    keras.saving.get_custom_objects().clear()
    with pytest.raises(UnsafeInput, match="Scaled") as caught:
        source_of(path)
    assert "--custom-objects" in caught.value.fix
    same(model, path, custom_objects=f"{tmp_path / 'own.py'}:Scaled,doubled")


def test_weights_with_a_link_in_an_archive_are_refused(tmp_path: Path) -> None:
    plain().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = tmp_path / "w.h5"
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")
    members["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UnsafeInput, match="another file"):
        opened(tmp_path / "m.keras")


@pytest.mark.parametrize("suffix", ["keras", "h5", "weights.h5"])
def test_every_truncation_is_one_clear_error(tmp_path: Path, suffix: str) -> None:
    path, cut = tmp_path / f"m.{suffix}", tmp_path / f"cut.{suffix}"
    plain().save_weights(path) if suffix == "weights.h5" else plain().save(path)
    whole = path.read_bytes()
    for tenth in range(10):
        cut.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(EdgeproofError) as caught:
            opened(cut)
        assert caught.value.fix
        assert caught.value.exit_code in (2, 5)


@needs(SLEEP)
def test_a_published_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(SLEEP) as archive:
        archive.extract("classifier.keras", tmp_path)
    assert opened(tmp_path / "classifier.keras")(np.zeros((1, 8, 36), np.float32)).shape == (1, 8, 4)


@needs(FER)
def test_a_published_model_of_keras_2_in_hdf5() -> None:
    scores = opened(FER)(np.zeros((1, 64, 64, 1), np.float32))
    np.testing.assert_allclose(np.sum(scores), 1, rtol=1e-5)

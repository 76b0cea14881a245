from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from edgeproof.converters.checkpoints.keras_source import identify
from edgeproof.converters.errors import SourceError, UnsafeInput
from edgeproof.converters.from_tensorflow.keras_2 import open_keras_2
from edgeproof.converters.job import IdentifyJob
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Framework, Opening, Source, Trust

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`"),
]
FACTORY = """
import tf_keras
from tf_keras import layers
def build():
    return tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.LeakyReLU()])
"""
OWN = "import tf_keras\nclass Scaled(tf_keras.layers.Layer):\n    def call(self, x):\n        return 3 * x\n"


def sequence() -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input((5, 4)), layers.LSTM(3, return_sequences=True), layers.GRU(2)])


def branches() -> tf_keras.Model:
    """TensorFlow functions in place of layers, two inputs and two outputs."""
    a, b = tf_keras.Input((4,), name="a"), tf_keras.Input((4,), name="b")
    joined = layers.LeakyReLU(0.1)(a * 2.0 + b)[:, :3]
    return tf_keras.Model([b, a], [layers.Dense(2, name="low")(joined), layers.Softmax(name="high")(joined)])


def pictures() -> tf_keras.Model:
    inputs = tf_keras.Input((6, 6, 2))
    x = layers.DepthwiseConv2D(3, padding="same")(inputs)
    x = layers.SeparableConv2D(3, 3, activation="relu")(layers.BatchNormalization()(x))
    return tf_keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2DTranspose(2, 3)(x)))


def source_of(path: Path, *, model: Path | str | None = None, **opening: Any) -> Source:
    found = resolve(str(path), model=str(model) if model else None, opening=Opening(**opening))
    return identify(IdentifyJob(source=found))


def same(model: tf_keras.Model, source: Source) -> None:
    assert source.framework is Framework.TENSORFLOW
    function = open_keras_2(source)
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(2, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    wanted = model(arrays if len(arrays) > 1 else arrays[0])
    wanted = wanted if isinstance(wanted, list) else [wanted]
    for found, want in zip(function.call(arrays).values(), wanted, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("build", [sequence, branches, pictures])
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_whole_models(tmp_path: Path, build: Any, suffix: str) -> None:
    model = build()
    model.compile("adam", loss=lambda wanted, found: wanted - found)  # a loss of the user's own is no hindrance
    model.save(str(tmp_path / f"m.{suffix}"))
    same(model, source_of(tmp_path / f"m.{suffix}"))


def test_its_interface_keeps_names_and_order(tmp_path: Path) -> None:
    model = branches()
    model.save(str(tmp_path / "m.h5"))
    function = open_keras_2(source_of(tmp_path / "m.h5"))
    assert [(each.name, each.shape) for each in function.inputs] == [("b", (None, 4)), ("a", (None, 4))]
    assert list(function.call([np.zeros((1, 4), np.float32)] * 2)) == ["low", "high"]


@pytest.mark.parametrize("suffix", ["h5", "weights.h5"])
def test_an_architecture_with_its_weights(tmp_path: Path, suffix: str) -> None:
    model = sequence()
    (tmp_path / "arch.json").write_text(model.to_json())
    model.save_weights(str(tmp_path / f"m.{suffix}"))
    same(model, source_of(tmp_path / f"m.{suffix}", model=tmp_path / "arch.json"))


@pytest.mark.parametrize("suffix", ["h5", "weights.h5"])
def test_weights_of_another_model(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "arch.json").write_text(sequence().to_json())
    pictures().save_weights(str(tmp_path / f"m.{suffix}"))
    with pytest.raises(SourceError, match=r"missing \(.*unexpected \("):
        open_keras_2(source_of(tmp_path / f"m.{suffix}", model=tmp_path / "arch.json"))


@pytest.mark.parametrize("suffix", ["h5", "weights.h5"])
def test_a_factory_of_keras_2_with_its_weights(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "model.py").write_text(FACTORY)
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.LeakyReLU()])
    model.save_weights(str(tmp_path / f"m.{suffix}"))
    same(model, source_of(tmp_path / f"m.{suffix}", model=f"{tmp_path / 'model.py'}:build"))


def test_a_factory_of_keras_2_alone(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(FACTORY)
    source = resolve(f"{tmp_path / 'model.py'}:build")
    assert source.framework is Framework.TENSORFLOW
    assert open_keras_2(source).inputs[0].shape == (None, 4)


def test_a_simple_model_stays_with_keras_3(tmp_path: Path) -> None:
    tf_keras.Sequential([layers.Input((4,)), layers.Dense(3)]).save(str(tmp_path / "m.h5"))
    assert source_of(tmp_path / "m.h5").framework is Framework.KERAS


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_lambda_layer_never_runs(tmp_path: Path, suffix: str) -> None:
    canary = tmp_path / "canary"
    place = str(canary)
    doubling = layers.Lambda(lambda x: (__import__("pathlib").Path(place).write_text("fired"), x * 2)[1], name="it")
    model = tf_keras.Sequential([layers.Input((4,)), doubling, layers.LeakyReLU()])
    model.save(str(tmp_path / f"m.{suffix}"))
    canary.unlink()
    with pytest.raises(UnsafeInput, match="layer 'it'"):
        source_of(tmp_path / f"m.{suffix}")
    assert not canary.exists()


def test_a_lambda_layer_runs_when_it_is_trusted(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: x * 2), layers.LeakyReLU()])
    model.save(str(tmp_path / "m.h5"))
    same(model, source_of(tmp_path / "m.h5", trust=(Trust.CODE,)))


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_class_of_the_user_s_own(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "own.py").write_text(OWN)
    names: dict[str, Any] = {}
    exec(OWN, names)
    model = tf_keras.Sequential([layers.Input((4,)), names["Scaled"](), layers.LeakyReLU()])
    model.save(str(tmp_path / f"m.{suffix}"))
    with pytest.raises(UnsafeInput, match="Scaled"):
        source_of(tmp_path / f"m.{suffix}")
    same(model, source_of(tmp_path / f"m.{suffix}", custom_objects=f"{tmp_path / 'own.py'}:Scaled"))

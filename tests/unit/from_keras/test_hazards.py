"""Layers that stay in training mode, sizes that are closed, and what TensorFlow's converters keep or change."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers
from keras_lowering import function_of, onnx_of

from edgeproof.converters.artifact import Format
from edgeproof.converters.errors import NotRepeatable, SourceError
from edgeproof.converters.from_keras.describe import describe
from edgeproof.converters.from_keras.hazards import hazards_of_backend, hazards_of_source, training_calls
from edgeproof.converters.from_tensorflow.program import TensorFlowProgram
from edgeproof.converters.from_tensorflow.variants import variants_of
from edgeproof.converters.hazards import Hazard, HazardCode
from edgeproof.converters.inspection.hazards import hazards_in
from edgeproof.converters.inspection.variants import Resize, Variants
from edgeproof.converters.job import DescribeJob
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.source import Framework, Source, SourceKind

X = np.random.default_rng(0).random((1, 8, 8, 3)).astype(np.float32)
FACTORIES = """
import keras
from keras import layers

class Net(keras.Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x, training=True)

def drops():
    return Net(layers.Dropout(0.5, name="drop")), keras.random.uniform((1, 8), seed=0).numpy()

def norm():
    return Net(layers.BatchNormalization(name="norm")), keras.random.uniform((4, 8), seed=0).numpy()

def open_sizes():
    image = keras.Input((None, 8, 3), name="image")
    return keras.Model(image, layers.Conv2D(2, 3)(image)), keras.random.uniform((1, 8, 8, 3), seed=0).numpy()
"""


class Told(keras.Model):
    """Calls a layer as in training, whatever it is told."""

    def __init__(self, inner: keras.layers.Layer) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.inner(x, training=True)


def seen(model: keras.Model, x: np.ndarray = X) -> tuple[Hazard, ...]:
    with training_calls() as calls:
        model(x, training=False)
    return calls.hazards()


def frozen() -> keras.layers.Layer:
    norm = layers.BatchNormalization()
    norm.trainable = False
    return norm


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.5),
        layers.GaussianNoise(0.5),
        layers.BatchNormalization(),
        keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()]),
    ],
)
def test_a_layer_that_is_told_to_train_is_a_hazard_with_its_line(layer: keras.layers.Layer):
    (hazard,) = seen(Told(layer))
    assert hazard.code is HazardCode.TRAINING_MODE
    assert "(test_hazards.py:" in hazard.places[0]
    assert "in call)" in hazard.places[0]


@pytest.mark.parametrize("layer", [layers.Dropout(0.0), frozen(), layers.Conv2D(4, 3), layers.LayerNormalization()])
def test_a_layer_that_computes_alike_in_training_is_none(layer: keras.layers.Layer):
    assert seen(Told(layer)) == ()


def test_a_recurrent_layer_without_dropout_is_none():
    assert seen(Told(layers.LSTM(3)), np.ones((1, 4, 2), np.float32)) == ()
    assert seen(Told(layers.LSTM(3, dropout=0.5)), np.ones((1, 4, 2), np.float32)) != ()


def test_layers_that_are_told_nothing_are_none():
    model = keras.Sequential([layers.Input((8, 8, 3)), layers.BatchNormalization(), layers.Dropout(0.5)])
    assert seen(model) == ()


def test_operators_are_as_they_were_when_nobody_watches():
    inherited = keras.Operation.__call__
    with training_calls():
        assert keras.Operation.__call__ is not inherited
    assert keras.Operation.__call__ is inherited


def described(folder: Path, name: str) -> tuple[str, ...]:
    file = folder / "net.py"
    file.write_text(FACTORIES)
    source = Source(kind=SourceKind.FACTORY, framework=Framework.KERAS, name="net", factory=f"{file}:{name}")
    return describe(DescribeJob(source=source, folder=str(folder))).notes


def test_a_source_that_is_not_repeatable_is_refused_with_the_layer(tmp_path: Path):
    with pytest.raises(NotRepeatable, match=r"Dropout stays active at inference, at drop \(net\.py:11, in call\)"):
        described(tmp_path, "drops")


def test_a_source_that_changes_its_own_weights_is_refused_with_the_layer(tmp_path: Path):
    with pytest.raises(SourceError, match=r"changes its own weights.*at net.*/norm \(net\.py:11, in call\)"):
        described(tmp_path, "norm")


def test_an_open_size_that_artifacts_close_is_a_hazard(tmp_path: Path):
    (note,) = described(tmp_path, "open_sizes")
    assert note.startswith("hazard fixed-dimension: the source leaves axes of 'image' open (1)")


def test_the_open_batch_of_every_model_is_none():
    model = keras.Sequential([layers.Input((8,), name="x"), layers.Dense(2)])
    spec = TensorSpec(name="x", dtype="float32", shape=(1, 8))
    assert list(hazards_of_source(model, Signature(inputs=(spec,), outputs=()))) == []


def test_the_cubic_of_the_torch_backend_is_a_hazard_and_other_resizes_are_none():
    cubic = Resize(mode="cubic", rule="half-pixel", coefficient=-0.75)
    (hazard,) = hazards_of_backend(Variants(resizes=(cubic,)))
    assert hazard.code is HazardCode.RESIZE_MODE
    smooth = Resize(mode="cubic", rule="half-pixel", coefficient=-0.5, antialias=True)
    assert list(hazards_of_backend(Variants(resizes=(smooth, Resize(mode="linear", rule="half-pixel"))))) == []


def program_of(model: keras.Model) -> TensorFlowProgram:
    function, specs = function_of(model)
    nothing = Signature(inputs=(), outputs=())
    return TensorFlowProgram(function=function, specs=specs, trackable=tf.Module(), signature=nothing, layouts={})


def model_of(*inner: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([layers.Input((8, 8, 3)), *inner])


def litert_of(model: keras.Model) -> bytes:
    program = program_of(model)
    concrete = program.function.get_concrete_function(*program.specs)
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], model).convert())


@pytest.mark.parametrize(
    "layer",
    [
        layers.UpSampling2D(2),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.Resizing(13, 5),
        layers.Resizing(13, 5, interpolation="nearest"),
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.DepthwiseConv2D(4, strides=2, padding="same"),
        layers.Activation("gelu"),
    ],
)
def test_what_tensorflows_converters_keep_is_none(layer: keras.layers.Layer):
    model = model_of(layer)
    source, about = variants_of(program_of(model)), Signature(inputs=(), outputs=())
    made = onnx_of(model).SerializeToString()
    assert list(hazards_in(made, Format.ONNX, about, source)) == []
    assert list(hazards_in(litert_of(model), Format.LITERT, about, source)) == []


def test_a_resize_that_tensorflows_converter_would_write_otherwise_is_a_hazard():
    source = variants_of(program_of(model_of(layers.Resizing(13, 5))))
    graph = onnx_of(model_of(layers.Resizing(13, 5)))
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name == "coordinate_transformation_mode":
                attribute.CopyFrom(onnx.helper.make_attribute(attribute.name, "align_corners"))
    about = Signature(inputs=(), outputs=())
    (hazard,) = hazards_in(graph.SerializeToString(), Format.ONNX, about, source)
    assert hazard.code is HazardCode.RESIZE_MODE
    assert "resizing" in hazard.places[0]


def test_symmetric_zeros_in_place_of_same_are_a_hazard():
    source = variants_of(program_of(model_of(layers.Conv2D(4, 3, strides=2, padding="same"))))
    around = model_of(layers.ZeroPadding2D(1), layers.Conv2D(4, 3, strides=2))
    about = Signature(inputs=(), outputs=())
    (hazard,) = hazards_in(litert_of(around), Format.LITERT, about, source)
    assert hazard.code is HazardCode.ASYMMETRIC_PADDING

"""The Keras samples load under TensorFlow and do their task as documented."""

from __future__ import annotations

import importlib
import zipfile

import keras
import pytest
import tensorflow as tf

from edgeproof.sample_models.catalog import SAMPLES, Sample
from edgeproof.sample_models.training.keras_file import scores

KERAS = [each for each in SAMPLES if each.framework == "keras"]

pytestmark = pytest.mark.tensorflow
every_sample = pytest.mark.parametrize("each", KERAS, ids=lambda each: each.name)


@every_sample
def test_the_model_reaches_the_documented_score(each: Sample) -> None:
    assert keras.backend.backend() == "tensorflow"
    assert tf.__version__.startswith("2.")
    measured = scores(keras.saving.load_model(each.folder / each.source), each)
    assert measured[each.metric.name] == pytest.approx(each.reaches, abs=0.005)


@every_sample
def test_the_file_holds_the_architecture_of_the_script_and_no_optimiser(each: Sample) -> None:
    path = each.folder / each.source
    stored = keras.saving.load_model(path)
    model = importlib.import_module(f"edgeproof.sample_models.{each.name}.model").build()
    assert [weight.shape for weight in stored.weights] == [weight.shape for weight in model.weights]
    assert stored.name == model.name == each.name
    assert [tensor.name for tensor in stored.inputs] == [tensor.name for tensor in model.inputs]
    assert stored.output_names == model.output_names
    assert getattr(stored, "optimizer", None) is None
    assert {tensor.shape[0] for tensor in stored.inputs} == {None}
    assert set(zipfile.ZipFile(path).namelist()) == {"metadata.json", "config.json", "model.weights.h5"}


@every_sample
def test_without_the_weights_the_task_is_not_done(each: Sample) -> None:
    keras.utils.set_random_seed(0)
    model = importlib.import_module(f"edgeproof.sample_models.{each.name}.model").build()
    assert scores(model, each)[each.metric.name] < each.reaches - 0.2

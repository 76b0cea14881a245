"""Files of Keras 2 and 3 and SavedModels, converted as a user would, or refused in words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from commands import COMMAND, Done, edgeproof

pytestmark = pytest.mark.e2e
WRITE = """
import keras, tensorflow as tf, tf_keras
from tf_keras import layers

old = tf_keras.Sequential([layers.Input((12, 4)), layers.LSTM(8, return_sequences=True), layers.GRU(6)])
old.save("old.h5")
layer = layers.Lambda(lambda x: __import__("pathlib").Path("fired").touch() or x, name="harmless")
tf_keras.Sequential([layers.Input((4,)), layer]).save("lambda.h5")
image = keras.Input((8, 8, 3))
new = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(image))))
new.export("exported", verbose=False)
new.save_weights("new.weights.h5")
open("arch.json", "w").write(new.to_json())

class Module(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 4), name="x")])
    def double(self, x):
        return {"y": x * 2.0}

    @tf.function(input_signature=[tf.TensorSpec((1, 4), name="x")])
    def read(self, x):
        return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)

module = Module()
tf.saved_model.save(module, "module", signatures={"double": module.double, "read": module.read})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written in another process: this one has no framework."""
    folder = tmp_path_factory.mktemp("checkpoints")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
    subprocess.run([COMMAND[0], "-W", "ignore", "-c", WRITE], cwd=folder, check=True, timeout=200, env=environment)
    (folder / "fired").unlink()
    return folder


def convert(folder: Path, *arguments: str | Path) -> Done:
    return edgeproof("convert", *arguments, "-o", "out", "--overwrite", "-q", "--json", folder=folder)


def test_recurrent_layers_of_keras_2(folder: Path) -> None:
    done = convert(folder, "old.h5", "--to", "litert")
    assert done.statuses == {"litert": "PASS"}, done.stderr
    assert set(done.document["manifest"]["source"]["made_by"]) == {"tf_keras", "tensorflow"}


def test_a_model_exported_by_keras_3_reaches_torch_through_its_graph(folder: Path) -> None:
    done = convert(folder, "exported", "--to", "torchscript")
    assert done.statuses == {"torchscript": "PASS"}, done.stderr


def test_weights_with_their_architecture(folder: Path) -> None:
    done = convert(folder, "new.weights.h5", "--model", "arch.json", "--to", "onnx")
    assert done.statuses == {"onnx": "PASS"}, done.stderr


def test_a_signature_that_reads_a_file_never_runs(folder: Path) -> None:
    done = convert(folder, "module", "--signature", "read", "--to", "onnx")
    assert done.code == 5
    for words in ("ReadFile", "fix:"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_code_in_a_file_is_refused_before_a_framework_is_there(folder: Path) -> None:
    done = convert(folder, "lambda.h5")
    assert done.code == 5
    for words in ("layer 'harmless'", "fix:", "--trust-code"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "fired").exists()

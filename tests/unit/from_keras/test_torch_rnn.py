"""Keras' recurrent layers are exported whole under the torch backend, and compute what TensorFlow does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers

from edgeproof.converters.from_keras.torch_rnn import keep_recurrent_layers_whole
from edgeproof.converters.from_torch.passes.recurrent_to_scan import recurrent_nodes, recurrent_to_scan
from edgeproof.converters.from_torch.recurrent_shapes import whole_recurrent_layers

pytestmark = pytest.mark.torch
CLOSE = 2e-6
SCAN = torch.ops.higher_order.scan
SHAPE = (12, 5)
PADDING = -1.0


def sequential(*parts: keras.layers.Layer, shape: tuple[int, ...] = SHAPE) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts])


def with_states() -> keras.Model:
    inputs = keras.Input(SHAPE)
    outputs, hidden, cell = layers.LSTM(4, return_sequences=True, return_state=True)(inputs)
    return keras.Model(inputs, [outputs, layers.GRU(4)(outputs, initial_state=hidden), cell])


# A model, how many torch layers and how many scans it becomes.
MODELS: dict[str, tuple[Callable[[], keras.Model], int, int]] = {
    "lstm": (lambda: sequential(layers.LSTM(6, return_sequences=True), layers.LSTM(4)), 2, 0),
    "gru": (lambda: sequential(layers.GRU(6, return_sequences=True), layers.GRU(4, go_backwards=True)), 2, 0),
    "no bias": (
        lambda: sequential(layers.LSTM(6, use_bias=False, return_sequences=True), layers.GRU(4, use_bias=False)),
        2,
        0,
    ),
    "bidirectional": (lambda: sequential(layers.Bidirectional(layers.GRU(6, return_sequences=True))), 2, 0),
    "simple": (
        lambda: sequential(layers.SimpleRNN(6, return_sequences=True), layers.SimpleRNN(4, go_backwards=True)),
        0,
        2,
    ),
    "unroll asked for": (lambda: sequential(layers.SimpleRNN(6, unroll=True)), 0, 1),
    "masked, both ways": (
        lambda: sequential(
            layers.Masking(PADDING), layers.Bidirectional(layers.GRU(6, return_sequences=True)), layers.Dense(3)
        ),
        0,
        2,
    ),
    "masked, last output": (
        lambda: sequential(layers.Masking(PADDING), layers.LSTM(6, return_sequences=True), layers.LSTM(4)),
        0,
        2,
    ),
    "masked, zeros": (
        lambda: sequential(layers.Masking(PADDING), layers.GRU(6, return_sequences=True, zero_output_for_mask=True)),
        0,
        1,
    ),
    "other activations": (
        lambda: sequential(
            layers.LSTM(6, activation="relu", recurrent_activation="hard_sigmoid", return_sequences=True),
            layers.GRU(4, reset_after=False),
        ),
        0,
        2,
    ),
    "states in and out": (with_states, 2, 0),
    "stacked cells": (
        lambda: sequential(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True)),
        0,
        1,
    ),
    "convolutional": (
        lambda: sequential(layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True), shape=(4, 6, 6, 2)),
        0,
        1,
    ),
}

# Every model of a folder, run by TensorFlow in a process of its own.
_BY_TENSORFLOW = """
import sys
from pathlib import Path
import keras
import numpy as np
for file in Path(sys.argv[1]).glob("*.keras"):
    model = keras.saving.load_model(file, compile=False)
    outputs = keras.tree.flatten(model(np.load(file.with_suffix(".npy")), training=False))
    np.savez(file.with_suffix(".npz"), *map(np.asarray, outputs))
"""


class Flat(torch.nn.Module):
    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(keras.tree.flatten(self.model(x, training=False)))


def made(name: str, generator: np.random.Generator) -> tuple[keras.Model, np.ndarray]:
    model = MODELS[name][0]()
    for weight in model.weights:
        weight.assign(generator.normal(scale=0.5, size=weight.shape))
    x = generator.normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    if "masked" in name:
        x[0, -4:] = x[1, 3] = x[1, 0] = PADDING
    return model, x


def exported(model: keras.Model, x: torch.Tensor, dynamic: object = None) -> torch.export.ExportedProgram:
    keep_recurrent_layers_whole()
    with whole_recurrent_layers(), torch.no_grad():
        return torch.export.export(Flat(model).eval(), (x,), dynamic_shapes=dynamic, strict=False)


def largest_difference(expected: list[np.ndarray], got: tuple[torch.Tensor, ...]) -> float:
    assert [value.shape for value in expected] == [tuple(value.shape) for value in got]
    return max(float(np.abs(one - other.detach().numpy()).max()) for one, other in zip(expected, got, strict=True))


@pytest.fixture(scope="module")
def by_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all models, their inputs and what TensorFlow makes of them."""
    folder = tmp_path_factory.mktemp("models")
    for number, name in enumerate(MODELS):
        model, x = made(name, np.random.default_rng(number))
        model.save(folder / f"{number}.keras")
        np.save(folder / f"{number}.npy", x)
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    subprocess.run(
        [sys.executable, "-c", _BY_TENSORFLOW, str(folder)], env=environment, check=True, capture_output=True
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_exported_program_computes_what_tensorflow_does(name: str, by_tensorflow: Path):
    _, torch_layers, scans = MODELS[name]
    file = by_tensorflow / f"{list(MODELS).index(name)}.keras"
    x = torch.from_numpy(np.load(file.with_suffix(".npy")))
    with np.load(file.with_suffix(".npz")) as stored:
        expected = list(stored.values())
    program = exported(keras.saving.load_model(file, compile=False), x)
    assert len(list(recurrent_nodes(program.graph))) == torch_layers
    assert len(program.graph.find_nodes(op="call_function", target=SCAN)) == scans
    assert largest_difference(expected, program.module()(x)) < CLOSE
    assert largest_difference(expected, recurrent_to_scan(program).module()(x)) < CLOSE


@pytest.mark.parametrize("name", ["lstm", "masked, both ways"])
def test_the_batch_may_stay_open(name: str, rng: np.random.Generator):
    model, x = made(name, rng)
    sizes = {0: torch.export.Dim("batch", min=1, max=8)}
    program = exported(model, torch.from_numpy(x), (sizes,))
    one = x[:1]
    expected = [np.asarray(part.detach()) for part in keras.tree.flatten(model(torch.from_numpy(one)))]
    assert largest_difference(expected, program.module()(torch.from_numpy(one))) < CLOSE


@pytest.mark.parametrize("name", ["simple", "masked, both ways"])
def test_the_program_does_not_grow_with_the_sequence(name: str, monkeypatch: pytest.MonkeyPatch):
    nodes = set()
    for steps in (16, 512):
        monkeypatch.setattr(sequential, "__kwdefaults__", {"shape": (steps, 5)})
        model = MODELS[name][0]()
        program = recurrent_to_scan(exported(model, torch.randn(1, steps, 5)))
        nodes.add(len(program.graph.nodes))
    assert len(nodes) == 1


def test_outside_of_an_export_keras_runs_its_own_loop(rng: np.random.Generator):
    model, x = made("masked, last output", rng)
    before = model(torch.from_numpy(x)).detach().numpy()
    keep_recurrent_layers_whole()
    assert np.array_equal(before, model(torch.from_numpy(x)).detach().numpy())

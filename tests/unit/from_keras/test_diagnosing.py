"""Operators of a Keras model know the layer that asked for them, and casts of weights are no operators."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers

from edgeproof.converters.diagnosis_job import TraceJob
from edgeproof.converters.from_keras.diagnosing import trace
from edgeproof.converters.job import ConvertJob
from edgeproof.converters.resolve import resolve
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.tensors import read_calls, write_calls

pytestmark = pytest.mark.torch


def nested() -> keras.Model:
    dense = [layers.Dense(4, name="first"), layers.Dense(3, name="second")]
    inner = keras.Sequential([keras.Input((6,)), *dense], name="block")
    given = keras.Input((6,), name="x")
    return keras.Model(given, layers.Dense(2, activation="relu", name="head")(inner(given)), name="net")


def test_layers_are_named_with_those_around_them(tmp_path: Path) -> None:
    assert torch.is_tensor(keras.ops.ones(1)), "under the torch backend"
    file, calls, values = tmp_path / "net.keras", tmp_path / "calls.npz", tmp_path / "values.npz"
    model, call = nested(), keras.layers.Layer.__call__
    model.save(file)
    write_calls(calls, [{"x": np.random.default_rng(0).standard_normal((1, 6)).astype("f4")}])
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=(1, 6)),),
        outputs=(TensorSpec(name="head", dtype="float32", shape=(1, 2)),),
    )
    job = ConvertJob(source=resolve(str(file)), signature=signature, examples=str(calls), format="onnx", output="")
    found = trace(TraceJob(program=job, calls=str(calls), values=str(values)))
    asked = [(node.operator, node.module) for node in found.nodes]
    modules = [module for operator, module in asked if operator == "aten.matmul.default"]
    assert modules == ["block/first", "block/second", "head"]
    assert ("aten.relu.default", "head") in asked
    assert found.nodes[-1].name == found.outputs["head"]
    exact = next(read_calls(values))
    weights = {tuple(weight.shape) for weight in model.weights if len(weight.shape) > 1}
    assert not [node.name for node in found.nodes if exact[node.name].shape in weights]
    assert keras.layers.Layer.__call__ is call, "layers are left as they were"

"""A LiteRT file of a Keras recurrent layer does not grow with the sequence, and computes the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from edgeproof.converters.from_tensorflow import litert
from edgeproof.converters.from_tensorflow.litert_zeros import zeros_at_run_time
from edgeproof.converters.from_tensorflow.program import TensorFlowProgram
from edgeproof.converters.signature import Signature

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def converted(steps: int) -> bytes:
    model = keras.Sequential([keras.Input((steps, 4)), layers.GRU(32, return_sequences=True)])
    specs = (tf.TensorSpec((1, steps, 4), name="x"),)
    function = tf.function(lambda x: {"y": model(x, training=False)}, input_signature=specs, autograph=False)
    holder = tf.Module()
    holder.model = model
    program = TensorFlowProgram(
        function=function, specs=specs, trackable=holder, signature=Signature(inputs=(), outputs=()), layouts={}
    )
    return litert._lower(program, allow_flex=False)  # pyright: ignore[reportPrivateUsage]


def run(payload: bytes, x: np.ndarray) -> np.ndarray:
    interpreter: Any = tf.lite.Interpreter(model_content=payload)
    interpreter.allocate_tensors()
    for _ in range(2):  # what the first call leaves behind must not show in the second
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_zeros_that_start_a_loop_are_made_when_it_runs(rng: np.random.Generator):
    sizes = {}
    for steps in (16, 512):
        before = converted(steps)
        after = zeros_at_run_time(before)
        x = rng.normal(size=(1, steps, 4)).astype(np.float32)
        assert np.array_equal(run(before, x), run(after, x))
        assert zeros_at_run_time(after) == after
        sizes[steps] = len(before), len(after)
    assert sizes[512][0] - sizes[16][0] > 512 * 32 * 3
    assert abs(sizes[512][1] - sizes[16][1]) < 4096


def test_a_file_without_such_zeros_is_left_alone():
    function = tf.function(lambda x: x * tf.zeros((64, 64)) + 1.0, input_signature=[tf.TensorSpec((64, 64))])
    payload = bytes(tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()]).convert())
    assert zeros_at_run_time(payload) == payload

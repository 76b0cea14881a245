"""A Keras recurrent layer whose batch is open is refused for LiteRT in words."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_tensorflow import litert
from edgeproof.converters.from_tensorflow.program import TensorFlowProgram
from edgeproof.converters.signature import Signature

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def test_open_sizes_in_a_recurrent_layer_are_refused_in_words():
    model = keras.Sequential([keras.Input((5, 4)), layers.GRU(8, return_sequences=True)])
    specs = (tf.TensorSpec((None, 5, 4), name="x"),)
    function = tf.function(lambda x: {"y": model(x, training=False)}, input_signature=specs, autograph=False)
    holder = tf.Module()
    holder.model = model
    program = TensorFlowProgram(
        function=function, specs=specs, trackable=holder, signature=Signature(inputs=(), outputs=()), layouts={}
    )
    with pytest.raises(ConversionError, match="a recurrent layer with open sizes does not go into LiteRT") as raised:
        litert._lower(program, allow_flex=False)  # pyright: ignore[reportPrivateUsage]
    assert "--dynamic" in raised.value.fix

"""Inputs are followed to the Embedding layers of a Keras model, and the layers are left as they were."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from edgeproof.converters.from_keras.flatten import FlatModel
from edgeproof.converters.from_keras.live import KerasSource

IDS = np.array([[4, 1, 7, 7, 0]])
KINDS = np.array([[0, 1, 1, 0, 2]])


def functional(dtype: str = "int32") -> keras.Model:
    ids, kinds = keras.Input((5,), dtype=dtype, name="ids"), keras.Input((5,), dtype=dtype, name="kinds")
    x = layers.Embedding(50, 4, mask_zero=True)(ids) + layers.Embedding(3, 4)(kinds)
    return keras.Model([ids, kinds], layers.LSTM(3)(x))


class Subclassed(keras.Model):  # type: ignore[misc]
    """Token ids with positions that the model counts itself."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = layers.Embedding(50, 4), layers.Embedding(5, 4)

    def call(self, ids: Any) -> Any:
        return self.words(ids) + self.places(keras.ops.arange(5))


def source_of(model: keras.Model, given: Any) -> KerasSource:
    return KerasSource(FlatModel(model, given))


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_every_input_that_chooses_rows_is_found_with_their_number(dtype: str) -> None:
    given = {"ids": IDS.astype(dtype), "kinds": KINDS.astype(dtype)}
    assert source_of(functional(dtype), given).tables() == {"ids": 50, "kinds": 3}


def test_a_subclassed_model_is_watched_too() -> None:
    assert source_of(Subclassed(), IDS).tables() == {"input": 50}


def test_inputs_with_the_same_numbers_are_left_out() -> None:
    assert source_of(functional(), {"ids": KINDS, "kinds": KINDS}).tables() == {}


def test_the_layer_is_as_before() -> None:
    source_of(functional(), {"ids": IDS, "kinds": KINDS}).tables()
    assert "__call__" not in vars(layers.Embedding)


def test_one_input_may_be_given_by_its_name() -> None:
    ids = keras.Input((5,), dtype="int32", name="ids")
    flat = FlatModel(keras.Model(ids, layers.Embedding(9, 2)(ids)), {"ids": IDS})
    assert flat.input_names == ("ids",)
    assert np.array_equal(flat.examples[0], IDS)

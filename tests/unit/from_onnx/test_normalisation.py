"""Normalisation layers agree with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_graphs import as_tensors, assert_same, floats, one_node, positive

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_onnx.module import module_from_onnx


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 5, 4)])
def test_batch_normalisation_agrees(shape: tuple[int, ...]):
    given = [floats(*shape), floats(3, seed=1), floats(3, seed=2), floats(3, seed=3), positive(3, seed=4)]
    assert_same(*one_node("BatchNormalization", given, weights=".wwww", epsilon=1e-3))


def test_batch_normalisation_in_training_is_refused_in_words():
    given = [floats(2, 3, 4, 4), floats(3), floats(3), floats(3), positive(3)]
    model, inputs = one_node("BatchNormalization", given, weights=".wwww", outputs=3, training_mode=1)
    with pytest.raises(ConversionError, match="training"):
        module_from_onnx(model)(*as_tensors(inputs))


def test_instance_normalisation_agrees():
    assert_same(*one_node("InstanceNormalization", [floats(2, 3, 5, 4), floats(3), floats(3, seed=1)], weights=".ww"))


@pytest.mark.parametrize("axis", [-1, 1, -2])
@pytest.mark.parametrize("outputs", [1, 3])
def test_layer_normalisation_agrees(axis: int, outputs: int):
    array = floats(2, 3, 4)
    sizes = array.shape[axis:]
    given = [array, floats(*sizes, seed=1), floats(*sizes, seed=2)]
    assert_same(*one_node("LayerNormalization", given, weights=".ww", outputs=outputs, axis=axis))


def test_group_normalisation_agrees_per_channel_and_per_group():
    assert_same(*one_node("GroupNormalization", [floats(2, 6, 4), floats(6), floats(6)], opset=21, num_groups=2))
    assert_same(*one_node("GroupNormalization", [floats(2, 6, 4), floats(2), floats(2)], opset=18, num_groups=2))


@pytest.mark.parametrize("attributes", [{"p": 1, "axis": 1}, {"p": 2}])
def test_length_normalisation_agrees(attributes: dict[str, Any]):
    assert_same(*one_node("LpNormalization", [floats(2, 3, 4)], **attributes))
    assert_same(*one_node("LpNormalization", [np.zeros((2, 3), np.float32)], **attributes))


def test_mean_variance_normalisation_agrees():
    assert_same(*one_node("MeanVarianceNormalization", [floats(2, 3, 4, 4)], axes=[0, 2, 3]))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_normalisation_agrees(size: int):
    assert_same(*one_node("LRN", [floats(2, 7, 3, 3)], size=size, alpha=0.1, beta=0.6, bias=1.5))


def test_dropout_does_nothing_outside_of_training():
    assert_same(*one_node("Dropout", [floats(2, 3)]))
    assert_same(*one_node("Dropout", [floats(2, 3)], outputs=2))
    assert_same(*one_node("Dropout", [floats(2, 3), np.float32(0.5), np.array(False)], weights=".ww"))

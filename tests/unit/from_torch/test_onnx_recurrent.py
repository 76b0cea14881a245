"""Recurrent layers become one ONNX operator for each layer, with weights stored as it wants them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from recurrent_models import FEATURES, flat, layer, program_of, states_of
from torch_lowering import Tensors, largest_difference

from edgeproof.converters.from_torch.onnx import lower
from edgeproof.converters.signature import Dim

pytestmark = pytest.mark.torch
CLOSE = 2e-6
OPERATORS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN", "relu": "RNN"}


def run_onnx(payload: bytes, inputs: Tensors) -> list[torch.Tensor]:
    session = onnxruntime.InferenceSession(payload)
    names = [value.name for value in session.get_inputs()]
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)})
    return [torch.from_numpy(np.asarray(output)) for output in outputs]


def operators(payload: bytes) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_from_string(payload).graph.node)


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize(("layers", "bidirectional", "bias"), [(1, False, False), (2, True, True)])
def test_a_layer_is_one_operator(kind: str, layers: int, bidirectional: bool, bias: bool):
    recurrent = layer(kind, num_layers=layers, bidirectional=bidirectional, bias=bias, batch_first=True)
    inputs = (torch.randn(2, 5, FEATURES), *states_of(recurrent, 2))
    module = flat(recurrent)
    payload = lower(program_of(module, inputs)).payload
    found = operators(payload)
    assert found[OPERATORS[kind]] == layers
    assert not found.keys() & {"Gather", "Unsqueeze"}, "weights are arranged in the file, not when it runs"
    with torch.no_grad():
        assert largest_difference(module(*inputs), run_onnx(payload, inputs)) < CLOSE


def test_a_projected_lstm_is_a_scan():
    module, inputs = flat(layer("projected", batch_first=True)), (torch.randn(2, 5, FEATURES),)
    payload = lower(program_of(module, inputs)).payload
    assert operators(payload)["Scan"] == 1
    with torch.no_grad():
        assert largest_difference(module(*inputs), run_onnx(payload, inputs)) < CLOSE


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_batch_and_time_may_stay_open(kind: str):
    module = flat(layer(kind, batch_first=True, bidirectional=True))
    dims = (Dim(name="batch", min=1, max=8), Dim(name="time", min=2, max=50))
    payload = lower(program_of(module, (torch.randn(2, 5, FEATURES),), dims)).payload
    for shape in ((2, 5, FEATURES), (1, 31, FEATURES)):
        x = torch.randn(shape)
        with torch.no_grad():
            assert largest_difference(module(x), run_onnx(payload, (x,))) < CLOSE
